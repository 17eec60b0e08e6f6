"""For tests of projectors: the real runner, in memory."""
