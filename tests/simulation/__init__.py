"""Long random lives of whole rooms, each beside a model that was written without looking at the room."""
