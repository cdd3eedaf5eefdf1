"""What somebody may ask next: mostly something that can be done as things are, and often something that cannot."""
