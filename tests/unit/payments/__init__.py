"""The plain parts of the till and its simulator."""
