"""Facts that need nothing but values."""
