"""Floor 4, the settings: everything an operator sets, read once and checked whole."""
