"""Histories of checkouts that ended, held against the story as it is told today."""
