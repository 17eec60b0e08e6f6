"""Servers that refuse, fall silent, fail over or forget: what a store on them raises, and how soon."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from consumer.adapters.redis.connection import connect, refuse_eviction
from consumer.adapters.redis.offset_store import RedisOffsetStore
from consumer.errors import Misconfigured, Transient
from consumer.model.position import IntOffset, LogIdentity, Offset, Partition
from tests import servers
from tests.contracts.redis_room import cluster_of_one

ORDERS = Partition("orders", 3)
LOG = LogIdentity("cluster/topic", 12)


def store_on(url: str, **options: Any) -> RedisOffsetStore:
    return RedisOffsetStore(connect(url, **options), prefix="prod")


def claimed(store: RedisOffsetStore) -> Any:
    return store.claim("customers", ORDERS, owner="worker-1", log=LOG)


def claim_all(store: RedisOffsetStore, numbers: Iterable[int]) -> None:
    for number in numbers:
        store.claim("customers", Partition("orders", number), owner="worker-1", log=LOG)


def seconds(call: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(Transient):
        call()
    return time.monotonic() - began


@pytest.fixture
def mute() -> Iterator[str]:
    """The url of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


def test_a_server_that_says_nothing_is_given_up_within_seconds(mute: str) -> None:
    store = store_on(mute)

    assert seconds(lambda: claimed(store)) < 4
    store.close()


def test_a_server_that_is_not_there_is_given_up_at_once() -> None:
    store = store_on("redis://127.0.0.1:1/0")

    assert seconds(lambda: claimed(store)) < 1
    assert seconds(lambda: connect("redis://127.0.0.1:1/0", cluster=True)) < 2
    store.close()


def test_a_wrong_password_is_misconfigured_and_not_told(own_valkey: Callable[..., Any]) -> None:
    server = own_valkey()
    admin = connect(server.url)
    admin.config_set("requirepass", "r1ght")

    for url, options in [
        (server.url, {"password": "wr0ng"}),
        (server.url.replace("redis://", "redis://:wr0ng@"), {}),
        (server.url, {}),
    ]:
        store = store_on(url, **options)
        with pytest.raises(Misconfigured, match=r"customers.*Check the user") as raised:
            claimed(store)
        assert "wr0ng" not in str(raised.value)
        store.close()
    right = store_on(server.url, password="r1ght")
    right.commit(claimed(right), None, IntOffset(1))
    right.close()
    admin.close()


def test_a_user_limited_to_the_prefix_and_the_commands_in_use_is_enough(
    own_valkey: Callable[..., Any],
) -> None:
    server = own_valkey()
    admin = connect(server.url)
    allowed = (
        "evalsha eval hget hmget hset hdel hexists sadd smembers time info ping client|setinfo"
    )
    rules = ["on", ">pw", "resetkeys", "~prod:*", "resetchannels", "-@all"]
    rules += [f"+{command}" for command in allowed.split()]
    admin.execute_command("ACL", "SETUSER", "worker", *rules)
    store = store_on(server.url, username="worker", password="pw")
    claim = claimed(store)
    store.commit(claim, None, IntOffset(1))
    store.release(claim)
    assert store.list_projections() == ["customers"]
    store.reset("customers")
    worker = connect(server.url, username="worker", password="pw")
    refuse_eviction(worker)
    admin.execute_command("ACL", "SETUSER", "worker", "-evalsha", "-eval")

    with pytest.raises(Misconfigured, match="ACL"):
        claimed(store)
    for client in (store, worker, admin):
        client.close()


def test_a_server_that_evicts_is_refused_also_where_config_is_not_allowed(
    own_valkey: Callable[..., Any],
) -> None:
    server = own_valkey()
    client = connect(server.url)
    refuse_eviction(client)
    for policy in ("allkeys-lru", "volatile-ttl", "allkeys-random"):
        client.config_set("maxmemory-policy", policy)
        with pytest.raises(Misconfigured, match=f"{policy}.*noeviction"):
            refuse_eviction(client)
    client.config_set("maxmemory-policy", "allkeys-lfu")
    client.execute_command("ACL", "SETUSER", "default", "-config")
    with pytest.raises(Misconfigured, match="allkeys-lfu"):
        refuse_eviction(client)
    client.close()


def test_one_master_of_a_cluster_that_evicts_is_enough_to_be_refused() -> None:
    with servers.cluster_processes() as masters:
        client = connect(masters[0].url, cluster=True)
        refuse_eviction(client)
        third = connect(masters[2].url)
        third.config_set("maxmemory-policy", "allkeys-lru")
        third.close()

        with pytest.raises(Misconfigured, match="allkeys-lru"):
            refuse_eviction(client)
        client.close()


def test_a_cluster_of_one_master_is_a_cluster_like_any_other(
    own_valkey: Callable[..., Any],
) -> None:
    server = cluster_of_one(own_valkey)
    admin = connect(server.url)
    client = connect(server.url, cluster=True)
    refuse_eviction(client)
    store = RedisOffsetStore(client, prefix="prod")
    store.commit(claimed(store), None, IntOffset(1))
    assert store.list_projections() == ["customers"]

    admin.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(Misconfigured, match="allkeys-lru"):
        refuse_eviction(client)
    store.close()
    admin.close()


@pytest.mark.parametrize("binary", [servers.valkey_binary, servers.redis_62_binary])
def test_a_server_that_is_full_or_a_replica_is_waited_out(binary: Callable[[], Any]) -> None:
    try:
        found = binary()
    except servers.Missing as missing:
        pytest.skip(str(missing))
    with servers.valkey_process(found) as server:
        admin = connect(server.url)
        store = store_on(server.url)
        claim = claimed(store)

        admin.config_set("maxmemory", "1")
        with pytest.raises(Transient, match="maxmemory"):
            store.commit(claim, None, IntOffset(1))
        admin.config_set("maxmemory", "0")

        admin.replicaof("127.0.0.1", "1")
        with pytest.raises(Transient, match="read only replica"):
            store.commit(claim, None, IntOffset(1))
        admin.replicaof("NO", "ONE")

        store.commit(claim, None, IntOffset(1))
        store.close()
        admin.close()


def test_a_server_that_starts_anew_is_waited_out_and_remembers(
    own_valkey: Callable[..., Any],
) -> None:
    server = own_valkey(append_only=True)
    store = store_on(server.url)
    claim = claimed(store)
    store.commit(claim, None, IntOffset(1))

    server.stop()
    assert seconds(lambda: store.commit(claim, IntOffset(1), IntOffset(2))) < 1
    server.start()

    store.commit(claim, IntOffset(1), IntOffset(2))
    store.close()


def test_a_cluster_taken_for_one_server_and_the_reverse_are_told(
    valkey: Any, valkey_cluster: Any
) -> None:
    store = store_on(valkey_cluster.url)
    with pytest.raises(Misconfigured, match="node of a cluster"):
        claim_all(store, range(20))  # the node has some of them itself
    store.close()

    with pytest.raises(Misconfigured, match="no cluster"):
        connect(valkey.url, cluster=True)


def test_through_sentinels_a_store_follows_the_master(own_sentinel: servers.SentinelTrio) -> None:
    hosts = ",".join(f"{host}:{port}" for host, port in own_sentinel.addresses)
    store = store_on(f"redis://{hosts}/0", sentinel=servers.SERVICE)
    claim = claimed(store)
    store.commit(claim, None, IntOffset(0))
    waited = connect(f"redis://{hosts}/0", sentinel=servers.SERVICE)
    assert waited.wait(1, 5000) == 1  # type: ignore[misc]

    own_sentinel.master.kill()
    at: Offset | None = None
    deadline = time.monotonic() + 30
    while at is None and time.monotonic() < deadline:
        try:
            store.commit(claim, IntOffset(0), IntOffset(1))
            checkpoint = store.get("customers", ORDERS)
            at = checkpoint.offset if checkpoint else None
        except Transient:
            continue

    assert at == IntOffset(1)
    store.close()
    waited.close()


def test_a_commit_is_one_round_trip(own_valkey: Callable[..., Any]) -> None:
    server = own_valkey()
    admin = connect(server.url)
    store = store_on(server.url)
    claim = claimed(store)
    store.commit(claim, None, IntOffset(0))

    before = admin.info("commandstats")
    for value in range(100):
        store.commit(claim, IntOffset(value), IntOffset(value + 1))
    after = admin.info("commandstats")

    def asked(stats: Any) -> int:
        inside = {"cmdstat_hget", "cmdstat_hmget", "cmdstat_hset", "cmdstat_time", "cmdstat_info"}
        return sum(stats[name]["calls"] for name in stats.keys() - inside)

    assert asked(after) - asked(before) == 100
    store.close()
    admin.close()
