"""`projections check` against real servers: every connection is tried, every problem is told."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from consumer.cli import exits
from consumer.embedded.process import free_port
from consumer.embedded.valkey import Valkey
from tests.scenarios.shop import Shop
from tests.servers import KafkaServer, PostgresqlServer, RedisServer
from tests.stub_registry import StubRegistry


@pytest.fixture
def shop(tmp_path: Path, valkey: RedisServer) -> Shop:
    return Shop.at(tmp_path, redis=valkey.url, prefix=f"check-{uuid4().hex}")


def test_all_is_well_once_the_topic_is_there(shop: Shop) -> None:
    before = shop.projections("check")
    shop.publish(range(10))
    after = shop.projections("check")

    assert before.returncode == exits.MISCONFIGURED
    assert f"projections.orders.source: {shop.topic} has no streams yet" in before.stderr
    assert (after.returncode, after.stderr) == (exits.DONE, "")
    assert after.stdout.splitlines() == [
        "sources.main: Redis Streams",
        "projections.orders: shop:Orders handles every type of event",
        "offsets: Redis holds those of 0 projections",
        f"projections.orders.source: {shop.topic} on main, 4 partitions",
        "all is well",
    ]


def test_a_number_of_streams_that_a_worker_would_refuse_is_told(shop: Shop) -> None:
    shop.publish(range(10))
    settings = shop.folder / "projections.yaml"
    settings.write_text(settings.read_text().replace("streams: 4", "streams: 5"))

    found = shop.projections("check")

    assert found.returncode == exits.MISCONFIGURED
    told = (
        f"projections.orders.source: {shop.topic} was made with 4 streams, and the settings say 5"
    )
    assert told in found.stderr


def test_a_source_that_no_projection_reads_from_is_tried_too(
    shop: Shop, valkey: RedisServer, kafka: KafkaServer
) -> None:
    shop.publish(range(10))
    settings = shop.folder / "projections.yaml"
    read = settings.read_text()

    def with_spares(kafka: str, redis: str) -> str:
        spares = f"""sources:
  spare: {{kafka: {{bootstrap_servers: ["{kafka}"]}}}}
  other: {{redis: {{url: "{redis}", streams: 1}}}}"""
        return read.replace("sources:", spares)

    settings.write_text(with_spares(kafka.bootstrap, valkey.url))
    well = shop.projections("check")
    settings.write_text(with_spares(f"127.0.0.1:{free_port()}", f"redis://127.0.0.1:{free_port()}"))
    away = shop.projections("check")

    assert well.returncode == exits.DONE, well.stderr
    assert {"sources.spare: it answers", "sources.other: it answers"} <= set(
        well.stdout.splitlines()
    )
    assert away.returncode == exits.MISCONFIGURED
    for place in ("sources.spare: ", "sources.other: "):
        assert sum(line.startswith(place) for line in away.stderr.splitlines()) == 1, away.stderr
    assert "2 problems" in away.stderr


def test_all_servers_that_are_away_are_told_at_once_and_offline_none_is_asked(shop: Shop) -> None:
    settings = shop.folder / "projections.yaml"
    nobody = f"redis://me:hush@127.0.0.1:{free_port()}"
    settings.write_text(
        f"""
offsets: {{redis: {{url: "{nobody}"}}}}
sources:
  streams: {{redis: {{url: "{nobody}", streams: 1}}}}
  kafka: {{kafka: {{bootstrap_servers: ["127.0.0.1:{free_port()}"]}}}}
projections:
  one: {{projector: "shop:Orders", source: {{from: streams, topics: [a]}}}}
  two: {{projector: "shop:Orders", source: {{from: kafka, topics: [a]}}}}
"""
    )

    found = shop.projections("check")

    assert found.returncode == exits.MISCONFIGURED
    for place in ("offsets: ", "projections.one.source: ", "projections.two.source: "):
        assert sum(line.startswith(place) for line in found.stderr.splitlines()) == 1, found.stderr
    assert "3 problems" in found.stderr
    assert "hush" not in found.stderr + found.stdout
    assert shop.projections("check", "--offline").returncode == exits.DONE


def test_a_topic_of_kafka_that_is_not_there_is_told(shop: Shop, kafka: KafkaServer) -> None:
    settings = shop.folder / "projections.yaml"
    settings.write_text(
        f"""
offsets: {{sqlite: {{path: offsets.sqlite}}}}
sources: {{main: {{kafka: {{bootstrap_servers: ["{kafka.bootstrap}"]}}}}}}
projections:
  orders: {{projector: "shop:Orders", source: {{from: main, topics: ["{shop.topic}"]}}}}
"""
    )

    before = shop.projections("check")
    made = shop.projections(
        *("publish", shop.topic, "--source", "main", "--partitions", "3", "--file", "-"),
        given='{"type": "OrderPlaced", "subject": "order-1"}',
    )
    after = shop.projections("check")

    assert before.returncode == exits.MISCONFIGURED
    assert f"projections.orders.source: the topic {shop.topic} does not exist" in before.stderr
    assert made.returncode == exits.DONE, made.stderr
    assert after.returncode == exits.DONE, after.stderr
    assert f"projections.orders.source: {shop.topic} on main, 3 partitions" in after.stdout


def test_a_redis_that_may_evict_offsets_is_refused(
    tmp_path: Path, own_valkey: Callable[..., Valkey]
) -> None:
    server = own_valkey(options=("--maxmemory-policy", "allkeys-lru"))
    shop = Shop.at(tmp_path, redis=server.url, prefix="evicting")
    shop.publish(range(3))

    for words in (("check",), ("run", "orders", "--until-caught-up")):
        found = shop.projections(*words)
        assert found.returncode == exits.MISCONFIGURED
        assert "maxmemory-policy allkeys-lru" in found.stderr
    assert not shop.applied


_TABLE = """
from dataclasses import dataclass
from typing import Annotated

from consumer import Event
from projectors import PRIMARY_KEY, TableProjector


@dataclass(frozen=True)
class Order:
    id: Annotated[str, PRIMARY_KEY]


orders = TableProjector(Order)


@orders.on("OrderPlaced", key=lambda event: "all")
def placed(event: Event) -> Order:
    return Order("all")
"""


def checked(shop: Shop, read_model: str) -> tuple[int, str]:
    """What `check` says of a projection on this read model."""
    (shop.folder / "board.py").write_text(_TABLE)
    settings = shop.folder / "projections.yaml"
    read = settings.read_text()
    settings.write_text(
        read.replace("projector: shop:Orders", f"projector: board:orders\n    {read_model}")
    )
    found = shop.projections("check")
    settings.write_text(read)
    return found.returncode, found.stdout + found.stderr


def test_each_read_model_is_reached_and_nothing_is_made_in_it(
    shop: Shop, postgresql: PostgresqlServer, valkey: RedisServer
) -> None:
    shop.publish(range(10))
    url = postgresql.database()
    rows = shop.folder / "rows.sqlite"
    reached = {
        f'read_model: {{postgresql: {{url: "{url}", schema: shop}}}}': "PostgreSQL answers; tables in the schema shop",
        f"read_model: {{sqlite: {{path: {rows}}}}}": f"{rows} is to be made",
        f'read_model: {{redis: {{url: "{valkey.url}"}}}}': "Redis answers",
    }

    for read_model, said in reached.items():
        code, told = checked(shop, read_model)
        assert code == exits.DONE, told
        assert f"projections.orders.read_model: {said}" in told
    assert not rows.exists()
    with psycopg.connect(url) as database:
        found = database.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'shop'")
        assert found.fetchone() == (0,)


def test_a_read_model_that_is_away_or_wrong_is_told(shop: Shop) -> None:
    shop.publish(range(10))
    port = free_port()
    away = {
        f'read_model: {{postgresql: {{url: "postgresql://127.0.0.1:{port}/shop"}}}}': "PostgreSQL is out of reach",
        "read_model: {sqlite: {path: /nowhere/rows}}": "there is no folder /nowhere",
        "transient: []": "order keeps its rows in a read model: name one",
    }

    for read_model, said in away.items():
        code, told = checked(shop, read_model)
        assert code == exits.MISCONFIGURED, told
        assert "projections.orders.read_model: " in told
        assert said in told


def test_a_schema_registry_is_asked_and_what_is_wrong_with_it_told(
    shop: Shop, kafka: KafkaServer
) -> None:
    shop.publish(range(10))
    settings = shop.folder / "projections.yaml"
    read = settings.read_text()
    (shop.folder / "password").write_text("s3cret-4111")

    def checked(codec: str) -> subprocess.CompletedProcess[str]:
        spare = f"""sources:
  spare:
    kafka:
      bootstrap_servers: ["{kafka.bootstrap}"]
      schema_registry: {{url: "{stub.url}", username: me, password_file: password}}"""
        text = read.replace("sources:", spare).replace("topics:", f"codec: {codec}, topics:")
        settings.write_text(text)
        return shop.projections("check")

    with StubRegistry().served() as stub:
        well = checked("cloudevents")
        stub.password = "me:another"
        refused = checked("schema_registry")

    assert well.returncode == exits.DONE, well.stderr
    assert "sources.spare.kafka.schema_registry: it answers" in well.stdout.splitlines()
    assert refused.returncode == exits.MISCONFIGURED
    assert refused.stderr.splitlines() == [
        "projections.orders.source.codec: schema_registry reads by a schema registry, and the source has none: name it there, under kafka.schema_registry, or name another codec here",
        f"sources.spare.kafka.schema_registry: the schema registry {stub.url} does not take our credentials (HTTP 401): mend the password, or the token",
        "2 problems",
    ]
    assert "s3cret" not in refused.stderr + refused.stdout
