"""The checkout's decisions, without Temporal."""
