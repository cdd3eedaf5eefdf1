"""How fast events get out: the relay against a bare publisher of the same bytes."""
