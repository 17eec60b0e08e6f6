"""Floor 3, the ears: observers that log and count."""
