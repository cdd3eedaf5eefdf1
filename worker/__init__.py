"""The engine room: wires hands to stories and runs them, and the loops that need no workflow."""
