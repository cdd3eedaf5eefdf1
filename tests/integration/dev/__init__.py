"""The dev stack, with real processes."""
