"""One file a step; each is SQL first and Python hardly."""
