"""The till and its simulator, over real sockets."""
