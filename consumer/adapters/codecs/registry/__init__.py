"""Bodies whose schemas a registry keeps: Confluent's wire format."""
