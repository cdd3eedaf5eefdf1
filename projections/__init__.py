"""The noticeboards: what others read of the ledger. They follow it, may lag, and can be made again from it."""
