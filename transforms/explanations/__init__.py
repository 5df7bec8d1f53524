"""What comes after the metrics: why a number moved, what goes with what, and where to act."""
