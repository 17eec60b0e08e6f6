"""Floor 1, the nouns: frozen values without I/O."""
