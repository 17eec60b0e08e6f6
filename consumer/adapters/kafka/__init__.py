"""Apache Kafka, through confluent-kafka; the only door to it."""
