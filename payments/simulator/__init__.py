"""A stand-in for the payment provider, on its wire: production is another address and key."""
