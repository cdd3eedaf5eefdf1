"""Facts about the ledger in a real Postgres."""
