"""The page about schema registries, as it is printed: real Avro from Kafka into PostgreSQL."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import psycopg
import pytest
import yaml

from consumer.adapters.codecs.registry.avro_schemas import reader_schema
from consumer.embedded.postgresql import binaries
from consumer.settings.projections import ReadFrom
from consumer.settings.sources import KafkaSettings
from tests.examples.pages import ROOT, blocks
from tests.examples.terminal import Terminal, clean
from tests.servers import KafkaServer, PostgresqlServer, SchemaRegistry

PAGE = "docs/schema-registry.md"


def test_avro_of_a_real_serializer_becomes_rows_in_postgresql(
    tmp_path: Path,
    kafka: KafkaServer,
    schema_registry: SchemaRegistry,
    postgresql: PostgresqlServer,
) -> None:
    url = postgresql.database()
    psql = Path(shutil.which("psql") or binaries() / "psql")
    environment = clean() | {
        "PATH": f"{Path(sys.executable).parent}:{psql.parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}:{tmp_path}",
        "KAFKA": kafka.bootstrap,
        "SCHEMA_REGISTRY": schema_registry.url,
        "DATABASE_URL": url,
    }
    with Terminal(tmp_path, environment) as terminal:
        terminal.play(PAGE)

    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT customer, orders, spent::text FROM customer").fetchall()
    assert sorted(rows) == [("ada", 2, "20.00"), ("bob", 1, "5.00")]


def test_the_schema_of_the_page_is_one_to_read_by() -> None:
    (text,) = blocks(PAGE, "json")
    (branch,) = reader_schema("order.avsc", text).branches
    assert (branch.name, branch.aliases) == (
        "com.example.shop.OrderPlaced",
        ["com.example.old.Order"],
    )


def test_the_settings_of_the_page_are_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secrets").mkdir()
    for name in ("order.avsc", "secrets/registry", "secrets/ca.pem"):
        (tmp_path / name).touch()
    loose = [yaml.safe_load(text) for text in blocks(PAGE, "yaml") if "# projections" not in text]
    assert [next(iter(each)) for each in loose] == ["source", "codec", "kafka"]
    source, codec, kafka = loose
    assert ReadFrom.model_validate(source["source"]).codec != "cloudevents"
    assert ReadFrom.model_validate({**source["source"], **codec}).codec != "cloudevents"
    assert KafkaSettings.model_validate(kafka["kafka"]).schema_registry is not None
