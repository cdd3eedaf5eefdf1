"""The search over a real ledger, and its index shared between processes."""
