"""Facts about the steps that need nothing but memory."""
