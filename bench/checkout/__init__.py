"""Whole checkouts against bare sagas on the same engine."""
