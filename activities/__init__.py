"""The hands: one side effect each, safe to repeat. They talk to the ledger and the payment provider."""
