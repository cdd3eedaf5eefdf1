"""The plain parts of the dev stack."""
