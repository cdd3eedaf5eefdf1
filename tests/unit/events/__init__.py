"""Facts about the rules of stock, checkouts and money."""
