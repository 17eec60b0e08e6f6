"""Redis and Valkey; the only door to them."""
