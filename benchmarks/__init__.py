"""Ours against the limit: `make bench`. What is measured, and how, stands in __main__.py."""
