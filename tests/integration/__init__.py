"""Facts that need a real server of somebody else's."""
