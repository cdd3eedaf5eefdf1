"""What shop pages are told of availability: one feed a process, a cache that it keeps right, and listeners."""
