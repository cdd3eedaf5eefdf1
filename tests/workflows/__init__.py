"""The checkout workflow as a real worker runs it, on a real Temporal whose time can be skipped."""
