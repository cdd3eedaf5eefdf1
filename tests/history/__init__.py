"""What callers were told, held against what the ledger says."""
