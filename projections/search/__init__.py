"""The search: an index on disk of what is sold, made by one indexer and read by many."""
