"""The stories: what happens in what order, and how it is undone. Nothing here does I/O."""
