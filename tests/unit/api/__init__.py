"""Facts about the API that need nothing but memory."""
