"""One fault anywhere: customers at the front door, the nets hung, and everything real."""
