"""The demonstration: a small shop, five stories, and a check of every number afterwards."""
