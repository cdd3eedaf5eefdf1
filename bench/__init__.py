"""Benchmarks: each compares two things side by side in one run, so that its ratio travels from machine to machine."""
