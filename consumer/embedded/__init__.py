"""Floor 3, servers of one's own: a real Valkey and a real Kafka from packages, for demos and tests."""
