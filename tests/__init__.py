"""Facts about onhand, by their distance from the outside world."""
