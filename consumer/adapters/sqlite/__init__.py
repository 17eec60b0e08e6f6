"""SQLite: embedded and durable."""
