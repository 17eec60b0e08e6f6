"""Projectors that ship with the engine; they import `consumer` and nothing deeper."""
