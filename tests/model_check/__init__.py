"""Everything that can happen to one checkout, or to two that want the same lamp, tried out."""
