"""Facts about the API over a real Postgres."""
