"""The door to Redis: making a client, and what its errors mean to us."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

from redis import Redis, RedisCluster, SSLConnection
from redis import exceptions as refusal
from redis.backoff import ExponentialWithJitterBackoff
from redis.cluster import ClusterNode
from redis.connection import Connection, ConnectionPool
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool

from consumer.adapters.redis.credentials import Rotating, joined
from consumer.adapters.redis.meaning import cut_quotations, meaning
from consumer.adapters.redis.tls import obstacle
from consumer.adapters.redis.url import understood
from consumer.errors import Misconfigured, Transient

Client: TypeAlias = Redis | RedisCluster

#: Seconds to connect, and to wait for a reply. With one retry a call to a mute server fails within
#: 2 to 3 s: to wait out an outage is the engine's business, which looks after its partitions meanwhile.
TIMEOUT = 1.0
RETRIES = 1

#: Seconds for one sentinel: several may have to be asked within a call.
_SENTINEL_TIMEOUT = 0.5


def connect(
    url: str,
    *,
    cluster: bool = False,
    sentinel: str | None = None,
    username: str | None = None,
    password: str | Callable[[], str] | None = None,
    timeout: float = TIMEOUT,
) -> Client:
    """A client for the server at `url` (redis://, rediss:// or unix://). It answers in bytes (RESP2).

    With `cluster`, `url` names some of the nodes (`redis://one:6379,two:6379`). With `sentinel`, the
    name of a master, it names the sentinels; a user and password in it are theirs, and `username`
    and `password` the servers'. Elsewhere these two win over those in `url`. A `password` that is a
    function is called at each connection, for it may rotate. `timeout` is in seconds; whoever lets the server block for longer needs a client of their own. The query of `url` may set
    more (`?ssl_ca_certs=...`).

    Raises `Misconfigured` for what cannot work, never quoting `url`, which may hold a password. Only a
    cluster is contacted, so only then `Transient` may be raised.
    """
    if cluster and sentinel:
        raise Misconfigured("Redis is reached through sentinels or as a cluster, not as both")
    hosts, options = understood(url, default_port=26379 if sentinel else 6379)
    if len(hosts) > 1 and not (cluster or sentinel):
        raise Misconfigured(
            "the Redis url names several hosts, and it is neither a cluster nor sentinels"
        )
    ours = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": _retry(RETRIES),
        "protocol": 2,
    }
    given: dict[str, Any] = {}
    if callable(password):
        name = username or (None if sentinel else options.get("username"))
        given["credential_provider"] = Rotating(name, password)
    else:
        credentials = {"username": username, "password": password}
        given = {name: value for name, value in credentials.items() if value is not None}
    if cluster:
        return _cluster(hosts, joined({**ours, **options}, given))
    # A master that was demoted: the retry connects anew, to whoever is master then.
    ours["retry_on_error"] = [refusal.ReadOnlyError]
    if sentinel:
        return _behind_sentinels(sentinel, hosts, {**ours, **options}, given)
    return Redis.from_pool(ConnectionPool(**joined({**ours, **options}, given)))


def proven(client: Client) -> Client:
    """The client, once it is sure that no mistake keeps it from its server: `Misconfigured` tells it.

    A server that is merely away is left to the first call.
    """
    try:
        with reachable("answer"):
            client.ping()
    except Transient as cause:
        for connection in _first_connections(client):
            if found := obstacle(connection):
                raise Misconfigured(f"Redis cannot answer: {found}") from cause
    return client


def refuse_eviction(client: Client) -> None:
    """Raises `Misconfigured` if the server may evict keys when memory runs short: offsets would be lost.

    It asks INFO, which is allowed where CONFIG is not. May raise `Transient`.
    """
    with reachable("tell its maxmemory-policy"):
        if isinstance(client, RedisCluster):
            # One by one: asked all at once, a cluster of one answers in another form.
            primaries = client.get_primaries()  # type: ignore[no-untyped-call]  # redis-py has no types here
            nodes = [client.info("memory", target_nodes=primary) for primary in primaries]
        else:
            nodes = [client.info("memory")]
    for policy in {node.get("maxmemory_policy", "noeviction") for node in nodes}:
        if policy != "noeviction":
            raise Misconfigured(
                f"Redis has the maxmemory-policy {policy}: it would evict offsets when its memory runs "
                "short, and projections would start over. Set maxmemory-policy to noeviction"
            )


@contextmanager
def reachable(deed: str) -> Iterator[None]:
    """Turns every error of redis-py that is raised inside into one of ours.

    `deed` says what Redis was to do, as in "commit orders in orders/3 at 17".
    """
    try:
        yield
    except MasterNotFoundError:
        # It quotes the sentinels' clients, in some releases of redis-py with their passwords.
        raise Transient(
            f"Redis is not ready to {deed}: no sentinel that answers us knows the master. Check the "
            "master's name, the sentinels' addresses, and the user and password in the url"
        ) from None
    except (refusal.RedisError, refusal.RedisClusterException, OSError) as cause:
        cut_quotations(cause)
        raise meaning(deed, cause) from cause


def _cluster(hosts: list[tuple[str, int]], options: dict[str, Any]) -> RedisCluster:
    encrypted = options.pop("connection_class", None) is SSLConnection
    for settled in ("host", "port"):
        options.pop(settled, None)
    if options.pop("db", 0):
        raise Misconfigured("a Redis Cluster has the database 0 alone; leave it out of the url")
    nodes = [ClusterNode(*host) for host in hosts]  # type: ignore[no-untyped-call]  # as above
    try:
        with reachable("tell the layout of the cluster"):
            return RedisCluster(startup_nodes=nodes, ssl=encrypted, **options)
    except Transient as cause:
        kind = SSLConnection if encrypted else Connection
        for host, port in hosts:
            if found := obstacle(kind(host=host, port=port, **_of_tls(options))):
                raise Misconfigured(
                    f"Redis cannot tell the layout of the cluster: {found}"
                ) from cause
        raise


def _behind_sentinels(
    master: str, hosts: list[tuple[str, int]], options: dict[str, Any], given: dict[str, str]
) -> Redis:
    options["ssl"] = options.pop("connection_class", None) is SSLConnection
    for settled in ("host", "port"):
        options.pop(settled, None)
    theirs: dict[str, Any] = {
        name: options.pop(name) for name in ("username", "password") if name in options
    }
    common = _of_tls(options) | {"ssl": options["ssl"]}
    asking: dict[str, Any] = {
        "socket_timeout": _SENTINEL_TIMEOUT,
        "socket_connect_timeout": _SENTINEL_TIMEOUT,
        "retry": _retry(0),
        "protocol": 2,
    }
    asking |= common | theirs
    sentinels = Sentinel(hosts, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]  # as above
    client: Redis = sentinels.master_for(master, **options, **given)  # type: ignore[no-untyped-call]  # as above
    return client


def _of_tls(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name.startswith("ssl_")}


def _first_connections(client: Client) -> Iterator[Any]:
    """To each server that is asked first, not connected."""
    if isinstance(client, RedisCluster):
        return  # was contacted as it was made
    pool = client.connection_pool
    if isinstance(pool, SentinelConnectionPool):
        for sentinel in pool.sentinel_manager.sentinels:
            yield from _first_connections(sentinel)
    else:
        yield pool.connection_class(**pool.connection_kwargs)


def _retry(times: int) -> Retry:
    return Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.2), times)
