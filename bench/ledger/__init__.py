"""How fast stock is reserved: by group commit, one by one, and by pgbench; on an empty and on a grown ledger."""
