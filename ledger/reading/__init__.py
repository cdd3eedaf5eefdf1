"""Strong reads: what the ledger holds at this moment, each question answered from one snapshot."""
