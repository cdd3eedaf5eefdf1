"""Analytics: what came of holds and of goods, by sku and hour, and what could not be sold."""
