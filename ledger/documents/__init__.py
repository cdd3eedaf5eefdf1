"""What the ledger keeps beside stock about orders, returns, transfers and reviews, and the documents that wait."""
