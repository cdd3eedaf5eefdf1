"""Facts about words, entries and the index, without a database."""
