"""Everything up, and called as its users call it: over HTTP, by its commands, and with its processes killed."""
