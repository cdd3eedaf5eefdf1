"""The warehouse board: what a warehouse has to pick, inspect and take in."""
