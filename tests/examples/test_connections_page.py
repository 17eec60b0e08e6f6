"""docs/connections.md: its settings connect, and its rules are enough, each on a secured server."""

from __future__ import annotations

import re
import shlex
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.adapters.kafka.publisher import create_topic
from consumer.adapters.redis.connection import connect, proven, refuse_eviction
from consumer.adapters.redis.offset_store import RedisOffsetStore
from consumer.adapters.redis.streams import register
from consumer.cli import exits
from consumer.embedded.valkey import Valkey
from consumer.model.position import IntOffset, LogIdentity, Partition
from consumer.settings.loading import load
from consumer.wiring.brokers import broker
from consumer.wiring.offsets import offset_store
from tests.contracts.redis_room import cluster_of_one
from tests.examples.pages import ROOT, block, blocks
from tests.scenarios.secured_shop import kafka_source, shop_at
from tests.scenarios.shop import Shop
from tests.secured import SecuredKafka, SecuredRedis

PAGE = "docs/connections.md"
KAFKA = [text for text in blocks(PAGE, "yaml") if "kafka:" in text]
PASSWORD = "page-s3cret"
ORDERS = Partition("orders", 0)
ONCE = {str(n): 1 for n in range(100)}


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


def put(folder: Path, **files: Path | str) -> None:
    for name, content in files.items():
        text = content.read_text() if isinstance(content, Path) else content
        (folder / name.replace("__", ".").replace("_", "-")).write_text(text)


@pytest.mark.parametrize("text", KAFKA, ids=["SCRAM", "mutual TLS", "OIDC", "tokens"])
def test_the_settings_of_kafka_connect(
    secured_kafka: SecuredKafka, secrets: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    kafka, mine, issuer = secured_kafka, secured_kafka.certificates.client, secured_kafka.issuer
    kafka.scram_user("projections", PASSWORD)
    put(secrets, ca__pem=kafka.certificates.ca, worker__pem=mine.chain, worker__key=mine.key)
    put(secrets, kafka_password=PASSWORD, client_secret=issuer.secret)
    listener = {"SCRAM": "scram", "OAUTHBEARER": "token"}
    port = next((port for word, port in listener.items() if word in text), "mutual")
    here = {
        '["kafka-1:9093", "kafka-2:9093"]': f'["{kafka.at(port)}"]',
        '["kafka-1:9093"]': f'["{kafka.at(port)}"]',
        "client.id: projections": f"client.id: {issuer.client}",
        "https://login.example.com": issuer.url,
        'b"grant_type=client_credentials"': f'b"client_id={issuer.client}&client_secret={issuer.secret}"',
    }
    code = block(PAGE, "python", "def token")
    for there, at_hand in here.items():
        text, code = text.replace(there, at_hand), code.replace(there, at_hand)
    Path("cloud.py").write_text(code)
    Path("projections.yaml").write_text(f"offsets: {{sqlite: {{path: x.db}}}}\n{text}")
    monkeypatch.syspath_prepend(Path.cwd())
    monkeypatch.delitem(sys.modules, "cloud", raising=False)

    broker(load(Path("projections.yaml")).source("main")).reach()


# --- Redis ---------------------------------------------------------------------------------------


@contextmanager
def ruled(redis: SecuredRedis, topic: str, *users: str) -> Iterator[None]:
    """With the page's users, who may do with `topic` what the page says of `orders`, and nothing else is denied."""
    with redis.admin() as admin:
        for rules in blocks(PAGE, "text"):
            words = (
                rules.replace("~orders:", f"~{topic}:").replace(">secret", f">{PASSWORD}").split()
            )
            if words[2] in users:
                admin.execute_command(*words)
        admin.execute_command("ACL", "LOG", "RESET")
        yield
        denied = {str(entry["object"]) for entry in admin.acl_log()}
        assert denied <= {"client|setinfo"}


def redis_at(redis: SecuredRedis, secrets: Path, user: str, **more: Any) -> dict[str, Any]:
    (secrets / "redis-password").write_text(f"{PASSWORD}\n")
    return {
        "url": redis.trusting().replace("/0?", "/1?"),
        "username": user,
        "password_file": str(secrets / "redis-password"),
        "prefix": "prod",
        **more,
    }


@pytest.fixture
def topic() -> str:
    return f"orders-{uuid.uuid4().hex}"


@pytest.fixture
def empty_redis(secured_redis: SecuredRedis) -> SecuredRedis:
    with secured_redis.admin() as admin:
        admin.flushall()
        for user in ("projections", "shop"):
            admin.acl_deluser(user)
    return secured_redis


def goes_all_the_way(shop: Shop) -> None:
    """A worker, a status, a reset and a replay."""
    for words in (["check"], ["run", "orders", "--until-caught-up"]):
        done = shop.projections(*words)
        assert done.returncode == exits.DONE, done.stdout + done.stderr
    assert shop.applied == ONCE
    told = shop.projections("status", "--json")
    assert told.returncode == exits.DONE, told.stdout + told.stderr
    for words in (["offsets", "list"], ["offsets", "get", "orders"]):
        assert shop.projections(*words).returncode == exits.DONE
    moved = shop.projections("offsets", "reset", "orders", "--to-earliest", "--yes")
    assert moved.returncode == exits.DONE, moved.stdout + moved.stderr
    assert "Misconfigured" not in moved.stdout + moved.stderr
    (shop.folder / "applied").unlink()
    done = shop.projections("run", "orders", "--until-caught-up")
    assert done.returncode == exits.DONE, done.stderr
    assert "unmirrored" not in done.stderr
    assert shop.applied == ONCE


def test_the_rules_of_redis_are_enough_for_all_commands(
    empty_redis: SecuredRedis, secrets: Path, tmp_path: Path, topic: str
) -> None:
    offsets = {"redis": redis_at(empty_redis, secrets, "projections")}
    reader = {"redis": redis_at(empty_redis, secrets, "projections", streams=4)}
    writer = {"redis": redis_at(empty_redis, secrets, "shop", streams=4)}
    with ruled(empty_redis, topic, "projections", "shop"):
        shop_at(tmp_path, topic, offsets=offsets, source=writer).publish(range(100))
        goes_all_the_way(shop_at(tmp_path, topic, offsets=offsets, source=reader))


def test_the_settings_of_redis_connect_with_a_certificate(
    empty_redis: SecuredRedis, secrets: Path
) -> None:
    mine = empty_redis.certificates.client
    put(secrets, ca__pem=empty_redis.certificates.ca, worker__pem=mine.chain)
    put(secrets, worker__key=mine.key, redis_password=PASSWORD)
    text = block(PAGE, "yaml", "rediss://").replace("redis:6379", f"127.0.0.1:{empty_redis.port}")
    Path("projections.yaml").write_text(f"{text}\nsources: {{}}\n")
    empty_redis.asks_for_certificates("yes")
    try:
        with ruled(empty_redis, "orders", "projections"):
            offset_store(load(Path("projections.yaml")).offsets).close()
    finally:
        empty_redis.asks_for_certificates("no")


def test_the_rules_of_redis_and_two_more_are_enough_in_a_cluster(
    own_valkey: Callable[..., Valkey],
) -> None:
    server = cluster_of_one(own_valkey)
    (more,) = re.findall(r"A Redis Cluster wants `(.*?)` besides", (ROOT / PAGE).read_text())
    (rules,) = [text for text in blocks(PAGE, "text") if "+info" in text]
    with closing(connect(server.url)) as admin:
        admin.execute_command(*rules.split(), *more.split())
    client = proven(connect(server.url, cluster=True, username="projections", password="secret"))
    refuse_eviction(client)
    with closing(RedisOffsetStore(client, prefix="prod")) as store:
        claim = store.claim("orders", ORDERS, owner="me", log=LogIdentity("log", 1))
        store.commit(claim, None, IntOffset(0))
        store.release(claim)
        assert store.list_projections() == ["orders"]


def test_without_a_rule_a_worker_ends_with_one_line(
    empty_redis: SecuredRedis, secrets: Path, tmp_path: Path, topic: str
) -> None:
    at = redis_at(empty_redis, secrets, "projections", streams=4)
    offsets = {"sqlite": {"path": "offsets.db"}}
    shop = shop_at(tmp_path, topic, offsets=offsets, source={"redis": at})
    with empty_redis.admin() as admin, ruled(empty_redis, topic, "projections"):
        with closing(connect(empty_redis.server.url.replace("/0", "/1"))) as client:
            register(client, topic, 4)
        admin.execute_command("ACL", "SETUSER", "projections", "-eval", "-evalsha")
        done = shop.projections("run", "orders")
        admin.execute_command("ACL", "LOG", "RESET")

    assert done.returncode == exits.MISCONFIGURED, done.stderr
    assert "Check the user, its password and its ACL" in done.stderr.splitlines()[-1]
    assert PASSWORD not in done.stderr


# --- Kafka ---------------------------------------------------------------------------------------


def test_the_rules_of_kafka_are_enough_for_all_commands(
    secured_kafka: SecuredKafka, secrets: Path, tmp_path: Path, topic: str
) -> None:
    create_topic(secured_kafka.scram(), topic, 4)
    for user in ("projections", "shop"):
        secured_kafka.scram_user(user, PASSWORD)
    offsets = {"sqlite": {"path": str(tmp_path / "offsets.db")}}

    def shop(user: str) -> Shop:
        config = secured_kafka.scram(sasl_username=user, sasl_password=PASSWORD)
        source = kafka_source(secrets, config, in_files=["sasl.password"])
        return shop_at(tmp_path, topic, offsets=offsets, source=source)

    refused = shop("projections").projections("run", "orders")
    assert refused.returncode == exits.MISCONFIGURED, refused.stderr
    assert "let this user do it" in refused.stderr or "not allow" in refused.stderr

    for command in "".join(blocks(PAGE, "sh")).splitlines():
        program, *words = shlex.split(command)
        assert program == "kafka-acls.sh"
        at = words.index("--topic") + 1 if "--topic" in words else None
        changed = [topic if n == at else word for n, word in enumerate(words)]
        secured_kafka.tool("AclCommand", *changed)
    shop("shop").publish(range(100))
    goes_all_the_way(shop("projections"))


def test_the_page_shows_every_way_in() -> None:
    assert len(KAFKA) == 4
    assert all(yaml.safe_load(text) for text in blocks(PAGE, "yaml"))
