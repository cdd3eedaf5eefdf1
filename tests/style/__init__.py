"""Rules of the house, held by machines."""
