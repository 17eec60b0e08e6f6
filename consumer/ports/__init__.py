"""Floor 2, the seams: what the engine asks of the world, as protocols of a few methods."""
