"""In memory: for tests and for programs that need no more."""
