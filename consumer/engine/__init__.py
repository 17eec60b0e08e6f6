"""Floor 3, the verbs: what is done with events, without I/O and without third parties."""
