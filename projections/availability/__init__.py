"""What may be sold of each sku, for whoever only looks."""
