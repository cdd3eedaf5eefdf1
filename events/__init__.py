"""The post: carries what the ledger wrote down for others from the outbox to the bus."""
