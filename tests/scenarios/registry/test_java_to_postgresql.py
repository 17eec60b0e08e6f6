"""A topic that a Java service wrote, by the docs page's own projector and settings, in PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg

from tests.examples.pages import ROOT, block
from tests.scenarios.registry.java import Java, avro
from tests.servers import KafkaServer, PostgresqlServer, SchemaRegistry

PAGE = "docs/schema-registry.md"

ORDER_PLACED = {
    "type": "record",
    "name": "OrderPlaced",
    "namespace": "com.example.shop",
    "fields": [
        {"name": "order_id", "type": "long"},
        {"name": "customer", "type": "string"},
        {
            "name": "total",
            "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2},
        },
        {"name": "placed_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    ],
}
WITH_A_CHANNEL = {
    **ORDER_PLACED,
    "fields": [*ORDER_PLACED["fields"], {"name": "channel", "type": "string", "default": "web"}],
}


def order(customer: str, cents: int, second: int) -> dict[str, Any]:
    unscaled = cents.to_bytes(4, "big", signed=True).decode("latin-1")
    return {"order_id": second, "customer": customer, "total": unscaled, "placed_at": 1000 * second}


def test_what_java_wrote_old_and_new_becomes_rows(
    java: Java,
    kafka: KafkaServer,
    schema_registry: SchemaRegistry,
    postgresql: PostgresqlServer,
    tmp_path: Path,
) -> None:
    java.write(
        (avro("string", "ada"), avro(ORDER_PLACED, order("ada", 1990, 1))),
        (avro("string", "bob"), avro(WITH_A_CHANNEL, {**order("bob", -500, 2), "channel": "app"})),
        (avro("string", "ada"), avro(WITH_A_CHANNEL, {**order("ada", 10, 3), "channel": "app"})),
    )
    url = postgresql.database()
    (tmp_path / "read_models.py").write_text(block(PAGE, "python", "# read_models.py"))
    settings = block(PAGE, "yaml", "# projections.yaml").replace("shop.orders", java.topic)
    (tmp_path / "projections.yaml").write_text(settings)
    environment = {
        "PYTHONPATH": f"{ROOT}:{tmp_path}",
        "KAFKA": kafka.bootstrap,
        "SCHEMA_REGISTRY": schema_registry.url,
        "DATABASE_URL": url,
    }
    done = subprocess.run(
        [sys.executable, "-m", "consumer", "run", "customers", "--until-caught-up"],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT customer, orders, spent::text, extract(epoch FROM last_order)::int FROM customer ORDER BY 1"
        ).fetchall()
    assert rows == [("ada", 2, "20.00", 3), ("bob", 1, "-5.00", 2)]
