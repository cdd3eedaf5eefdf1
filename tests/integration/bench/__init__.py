"""The benchmarks, run for a moment, and the ledgers that they make."""
