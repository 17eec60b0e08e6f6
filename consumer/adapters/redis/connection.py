"""The door to Redis: making a client, and what its errors mean to us."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from redis import Redis, RedisCluster, SSLConnection
from redis import exceptions as refusal
from redis.backoff import ExponentialWithJitterBackoff
from redis.cluster import ClusterNode
from redis.connection import ConnectionPool
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, Sentinel

from consumer.adapters.redis.url import understood
from consumer.errors import ConsumerError, Misconfigured, Transient

Client: TypeAlias = Redis | RedisCluster

#: Seconds to connect, and to wait for a reply. With one retry a call to a mute server fails within
#: 2 to 3 s: to wait out an outage is the engine's business, which looks after its partitions meanwhile.
TIMEOUT = 1.0
RETRIES = 1

#: Seconds for one sentinel: several may have to be asked within a call.
_SENTINEL_TIMEOUT = 0.5

#: How a reply begins that will be another one later, where redis-py has no class of its own for it.
#: Redis 6.2 wraps what a script met into an error of its own, behind a dash.
_PASSING = re.compile(
    r"BUSY |MISCONF |NOREPLICAS |UNBLOCKED |IOERR |UNKILLABLE |CLUSTERDOWN |MASTERDOWN "
    r"|.* -(READONLY|OOM|MISCONF|NOREPLICAS|MASTERDOWN) ",
    re.DOTALL,
)

_DENIED = (
    refusal.AuthenticationError,
    refusal.AuthenticationWrongNumberOfArgsError,
    refusal.AuthorizationError,
    refusal.NoPermissionError,
)

_AWAY = (
    refusal.ConnectionError,  # and BusyLoadingError
    refusal.TimeoutError,
    refusal.ClusterError,  # and ClusterDownError, MasterDownError
    refusal.ExecAbortError,
    refusal.OutOfMemoryError,
    refusal.ReadOnlyError,
    refusal.RedisClusterException,
    refusal.TryAgainError,
    OSError,
)


def connect(
    url: str,
    *,
    cluster: bool = False,
    sentinel: str | None = None,
    username: str | None = None,
    password: str | None = None,
    timeout: float = TIMEOUT,
) -> Client:
    """A client for the server at `url` (redis://, rediss:// or unix://). It answers in bytes (RESP2).

    With `cluster`, `url` names some of the nodes (`redis://one:6379,two:6379`). With `sentinel`, the
    name of a master, it names the sentinels; a user and password in it are theirs, and `username`
    and `password` the servers'. Elsewhere these two win over those in `url`. `timeout` is in seconds;
    whoever lets the server block for longer needs a client of their own. The query of `url` may set
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
    credentials = {"username": username, "password": password}
    given = {name: value for name, value in credentials.items() if value is not None}
    if cluster:
        return _cluster(hosts, {**ours, **options, **given})
    # A master that was demoted: the retry connects anew, to whoever is master then.
    ours["retry_on_error"] = [refusal.ReadOnlyError]
    if sentinel:
        return _behind_sentinels(sentinel, hosts, {**ours, **options}, given)
    return Redis.from_pool(ConnectionPool(**{**ours, **options, **given}))


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
        _cut_quotations(cause)
        raise _ours(deed, cause) from cause


def _cut_quotations(cause: BaseException) -> None:
    """Takes out what redis-py and Redis quote of a command: it may hold events, or a password."""
    met: BaseException | None = cause
    while met is not None:
        if met.args and isinstance(met.args[0], str):
            said = met.args[0].rpartition(" of pipeline caused error: ")[2]
            met.args = (said.partition(", with args beginning with")[0], *met.args[1:])
        met = met.__cause__ or met.__context__


def _ours(deed: str, cause: BaseException) -> ConsumerError:
    """Which branch of the tree an error belongs to. A reply that we do not know is for a person."""
    if isinstance(cause, refusal.RedisClusterException) and cause.__cause__:
        return _ours(deed, cause.__cause__)  # what its client met at the first node
    if isinstance(cause, _DENIED):
        advice = "Check the user, its password and its ACL"
        return Misconfigured(f"Redis does not let us {deed}: {cause}. {advice}")
    if isinstance(cause, refusal.AskError):  # and MovedError, which is one
        advice = "Say in the settings that it is one"
        return Misconfigured(f"Redis cannot {deed}: it is a node of a cluster. {advice}")
    if isinstance(cause, refusal.RedisClusterException) and "mode is not enabled" in str(cause):
        return Misconfigured(f"Redis cannot {deed}: it is no cluster. Say in the settings so")
    if isinstance(cause, _AWAY) or _PASSING.match(str(cause)):
        return Transient(f"Redis is not ready to {deed}: {cause}")
    return Misconfigured(f"Redis refuses to {deed}: {cause}")


def _cluster(hosts: list[tuple[str, int]], options: dict[str, Any]) -> RedisCluster:
    encrypted = options.pop("connection_class", None) is SSLConnection
    for settled in ("host", "port"):
        options.pop(settled, None)
    if options.pop("db", 0):
        raise Misconfigured("a Redis Cluster has the database 0 alone; leave it out of the url")
    nodes = [ClusterNode(*host) for host in hosts]  # type: ignore[no-untyped-call]  # as above
    with reachable("tell the layout of the cluster"):
        return RedisCluster(startup_nodes=nodes, ssl=encrypted, **options)


def _behind_sentinels(
    master: str, hosts: list[tuple[str, int]], options: dict[str, Any], given: dict[str, str]
) -> Redis:
    options["ssl"] = options.pop("connection_class", None) is SSLConnection
    for settled in ("host", "port"):
        options.pop(settled, None)
    theirs: dict[str, Any] = {
        name: options.pop(name) for name in ("username", "password") if name in options
    }
    common = {name: value for name, value in options.items() if name.startswith("ssl")}
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


def _retry(times: int) -> Retry:
    return Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.2), times)
