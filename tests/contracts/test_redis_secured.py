"""Redis as in production: TLS, certificates of ours, a password that rotates; each mistake is told at once."""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from consumer.adapters.redis.connection import Client, connect, proven
from consumer.adapters.redis.offset_store import RedisOffsetStore
from consumer.embedded.process import HOST, free_port
from consumer.embedded.valkey import Valkey
from consumer.errors import ConsumerError, Misconfigured, Transient
from consumer.model.position import IntOffset, LogIdentity, Partition
from tests import servers
from tests.contracts.redis_room import cluster_of_one
from tests.secured import SecuredRedis

WRONG = "wr0ng-s3cret"
ORDERS = Partition("orders", 0)
LOG = LogIdentity("log", 1)


@pytest.fixture(autouse=True)
def as_it_was(secured_redis: SecuredRedis) -> Iterator[None]:
    yield
    secured_redis.shows(secured_redis.certificates.server)
    secured_redis.asks_for_certificates("no")


def commits(client: Client) -> bool:
    """Whether a store on it takes a checkpoint."""
    with closing(RedisOffsetStore(client, prefix=f"prod-{uuid.uuid4().hex}")) as store:
        claim = store.claim("orders", ORDERS, owner="me", log=LOG)
        store.commit(claim, None, IntOffset(1))
        return store.get("orders", ORDERS) is not None


def mutual(redis: SecuredRedis) -> str:
    mine = redis.certificates.client
    return redis.trusting(ssl_certfile=mine.chain, ssl_keyfile=mine.key)


def test_checkpoints_go_over_tls(secured_redis: SecuredRedis) -> None:
    assert commits(proven(connect(secured_redis.trusting())))


def test_checkpoints_go_over_mutual_tls(secured_redis: SecuredRedis) -> None:
    secured_redis.asks_for_certificates("yes")

    assert commits(proven(connect(mutual(secured_redis))))


@dataclass(frozen=True)
class Mistake:
    url: Callable[[SecuredRedis], str]
    told: str
    #: What the server does.
    server: Callable[[SecuredRedis], None] = lambda _: None
    password: str | None = None


MISTAKES = {
    "an unknown authority": Mistake(
        lambda redis: redis.trusting(ssl_ca_certs=redis.certificates.other_ca),
        "certificate is refused.*ssl_ca_certs",
    ),
    "an expired certificate of the server": Mistake(
        lambda redis: redis.trusting(),
        "it has expired",
        lambda redis: redis.shows(redis.certificates.expired_server),
    ),
    "a wrong host name": Mistake(
        lambda redis: redis.trusting(),
        "does not name the host",
        lambda redis: redis.shows(redis.certificates.misnamed_server),
    ),
    "no certificate of ours": Mistake(
        lambda redis: redis.trusting(),
        "does not take our certificate .*certificate required",
        lambda redis: redis.asks_for_certificates("yes"),
    ),
    "an expired certificate of ours": Mistake(
        lambda redis: redis.trusting(
            ssl_certfile=redis.certificates.expired_client.chain,
            ssl_keyfile=redis.certificates.expired_client.key,
        ),
        "does not take our certificate .*expired",
        lambda redis: redis.asks_for_certificates("yes"),
    ),
    "plaintext to a TLS port": Mistake(
        lambda redis: f"redis://{HOST}:{redis.port}/0", "speaks TLS: write rediss://"
    ),
    "TLS to a plaintext port": Mistake(
        lambda redis: redis.trusting().replace(f":{redis.port}/", f":{redis.server.port}/"),
        "speaks no TLS: write redis://",
    ),
    "a wrong password": Mistake(
        lambda redis: redis.trusting(), "invalid username-password.*Check the user", password=WRONG
    ),
}
#: Those that a Sentinel and a node of a cluster meet as they come.
SEEN_ELSEWHERE = ["an unknown authority", "plaintext to a TLS port", "a wrong host name"]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_at_once_in_one_line_without_a_secret(
    secured_redis: SecuredRedis, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    mistake = MISTAKES[name]
    mistake.server(secured_redis)
    username = None if mistake.password is None else "worker"

    with pytest.raises(Misconfigured, match=mistake.told) as raised:
        proven(connect(mistake.url(secured_redis), username=username, password=mistake.password))

    assert "\n" not in str(raised.value)
    assert WRONG not in str(raised.value) + caplog.text


@pytest.mark.parametrize("name", SEEN_ELSEWHERE)
@pytest.mark.parametrize("how", [{"cluster": True}, {"sentinel": servers.SERVICE}])
def test_a_mistake_on_the_way_to_a_cluster_or_sentinels_is_told_too(
    secured_redis: SecuredRedis, name: str, how: dict[str, bool | str]
) -> None:
    mistake = MISTAKES[name]
    mistake.server(secured_redis)

    with pytest.raises(Misconfigured, match=mistake.told):
        proven(connect(mistake.url(secured_redis), **how))  # type: ignore[arg-type]  # one or the other


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_a_server_that_is_away_is_waited_for(scheme: str) -> None:
    client = proven(connect(f"{scheme}://{HOST}:{free_port()}/0"))

    with pytest.raises(Transient, match="Redis is out of reach, so it cannot claim"):
        commits(client)


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_a_proxy_that_cuts_the_line_says_nothing_about_tls(scheme: str) -> None:
    with socket.create_server((HOST, 0)) as listener:
        ended = threading.Event()

        def cut() -> None:
            while not ended.is_set():
                listener.accept()[0].close()

        thread = threading.Thread(target=cut, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        client = proven(connect(f"{scheme}://{HOST}:{port}/0"))
        with pytest.raises(Transient):
            commits(client)
        ended.set()
        socket.create_connection((HOST, port)).close()
        thread.join()


def test_a_certificate_that_expires_later_is_told_when_it_is_shown(
    secured_redis: SecuredRedis,
) -> None:
    client = proven(connect(secured_redis.trusting()))
    secured_redis.shows(secured_redis.certificates.expired_server)
    client.connection_pool.disconnect()

    with pytest.raises(Misconfigured, match="it has expired"):
        commits(client)


def test_a_password_in_a_file_is_read_at_each_connection(secured_redis: SecuredRedis) -> None:
    user, password = f"user-{uuid.uuid4().hex}", "first"

    def rules(*words: str) -> None:
        with secured_redis.admin() as admin:
            admin.execute_command("ACL", "SETUSER", user, *words)

    rules("on", ">first", "~*", "+@all")
    client = proven(connect(secured_redis.trusting(), username=user, password=lambda: password))
    password = "second"
    rules("resetpass", ">second")

    client.connection_pool.disconnect()
    assert commits(client)


def test_a_password_that_cannot_be_read_is_told_as_it_is(secured_redis: SecuredRedis) -> None:
    def gone() -> str:
        raise Misconfigured("cannot read secrets/redis: No such file or directory")

    with pytest.raises(ConsumerError, match="cannot read secrets/redis"):
        proven(connect(secured_redis.trusting(), username="worker", password=gone))


def test_a_password_that_rotates_goes_to_clusters_and_behind_sentinels_too(
    own_valkey: Callable[..., Valkey], own_sentinel: servers.SentinelTrio
) -> None:
    hosts = ",".join(f"{host}:{port}" for host, port in own_sentinel.addresses)
    one = cluster_of_one(own_valkey)
    for url, plain, how in (
        (one.url, one.url, {"cluster": True}),
        (f"redis://{hosts}/0", own_sentinel.master.url, {"sentinel": servers.SERVICE}),
    ):
        asked: list[str] = []

        def password(asked: list[str] = asked) -> str:
            asked.append("asked")
            return "s3cret"

        with closing(connect(plain)) as admin:
            admin.execute_command("ACL", "SETUSER", "worker", "on", ">s3cret", "~*", "&*", "+@all")
        client = proven(connect(url, username="worker", password=password, **how))  # type: ignore[arg-type]  # as above
        assert commits(client)
        assert asked
