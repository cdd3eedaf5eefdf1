"""The commands of `onhand`: each reads its settings, calls one room, and says what came of it."""
