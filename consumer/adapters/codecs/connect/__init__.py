"""Kafka Connect's forms, and what Debezium writes in them."""
