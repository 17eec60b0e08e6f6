"""Projectors to read and to run: the demo is built on them."""
