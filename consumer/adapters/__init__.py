"""Floor 3, the world: one package a technology, one file a port."""
