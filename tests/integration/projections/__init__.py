"""The noticeboards over a real ledger, a real bus and a real relay."""
