"""Real servers as fixtures. With CI=true a server that is not to be had fails the run; else it skips."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import pytest

from consumer.embedded.kafka import Kafka
from consumer.embedded.postgresql import Postgresql
from consumer.embedded.valkey import Valkey
from tests import jvm, servers
from tests.servers import Missing, RedisServer
from tests.tools import ToolMissing, tool

if TYPE_CHECKING:
    from tests.registry import Registry
    from tests.secured import SecuredKafka, SecuredRedis

T = TypeVar("T")

# What is started in the background of a shell ignores Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_SHARED = pytest.StashKey[servers.Shared]()
_DESK = pytest.StashKey[servers.Desk]()


def pytest_configure(config: pytest.Config) -> None:
    """Only the process that runs pytest owns servers; the workers of pytest-xdist ask it."""
    if not hasattr(config, "workerinput"):
        # Told to stop, it stops its servers too, as with Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        config.stash[_SHARED] = servers.Shared()


def pytest_unconfigure(config: pytest.Config) -> None:
    if desk := config.stash.get(_DESK, None):
        desk.close()
    if shared := config.stash.get(_SHARED, None):
        shared.close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a worker of pytest-xdist where to ask."""
    config: pytest.Config = node.config
    if _DESK not in config.stash:
        config.stash[_DESK] = servers.Desk(config.stash[_SHARED])
    desk = config.stash[_DESK]
    node.workerinput["servers"] = (desk.port, desk.key)


@pytest.fixture(scope="session")
def _find(pytestconfig: pytest.Config) -> Callable[[str], Any]:
    def find(name: str) -> Any:
        if worker := getattr(pytestconfig, "workerinput", None):
            found = servers.ask(*worker["servers"], name)
        else:
            found = pytestconfig.stash[_SHARED].get(name)
        if isinstance(found, Missing):
            _unavailable(found)
        return found

    return find


def _unavailable(missing: Missing | ToolMissing) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"what this needs is missing: {missing}", pytrace=False)
    pytest.skip(f"what this needs is missing: {missing}")


@pytest.fixture(scope="session")
def kafka(_find: Callable[[str], Any]) -> servers.KafkaServer:
    """The run's Kafka: `.bootstrap`. Topics are the test's to make, under names of its own."""
    return _find("kafka")


@pytest.fixture(scope="session")
def valkey(_find: Callable[[str], Any]) -> RedisServer:
    """The run's Valkey: `.url`. Keys are the test's, under a prefix of its own."""
    return _find("valkey")


@pytest.fixture(scope="session")
def redis_62(_find: Callable[[str], Any]) -> RedisServer:
    """The oldest Redis that is supported."""
    return _find("redis_62")


@pytest.fixture(scope="session")
def redis_70(_find: Callable[[str], Any]) -> RedisServer:
    """The Redis of Debian 12."""
    return _find("redis_70")


@pytest.fixture(scope="session")
def valkey_cluster(_find: Callable[[str], Any]) -> servers.RedisCluster:
    """Three masters: `.url` of one of them, `.addresses` of all."""
    return _find("valkey_cluster")


@pytest.fixture(scope="session")
def valkey_sentinel(_find: Callable[[str], Any]) -> servers.RedisSentinel:
    """Three Sentinels over a master and a replica: `.addresses`, `.service`."""
    return _find("valkey_sentinel")


@pytest.fixture(scope="session")
def postgresql(_find: Callable[[str], Any]) -> servers.PostgresqlServer:
    """The run's PostgreSQL: `.database()` makes an empty database for a test and returns its URL."""
    return _find("postgresql")


@pytest.fixture(scope="session")
def schema_registry(_find: Callable[[str], Any]) -> servers.SchemaRegistry:
    """The run's schema registry: `.url`. Subjects are the test's, under names of its own."""
    return _find("schema_registry")


@pytest.fixture(scope="session")
def pgbouncer(postgresql: servers.PostgresqlServer) -> Iterator[servers.Pgbouncer]:
    """A PgBouncer in transaction pooling before the run's PostgreSQL: `.url(postgresql.database())`."""
    with ExitStack() as stack:
        yield _made(stack, lambda: servers.pgbouncer_process(postgresql))


@pytest.fixture
def own_postgresql() -> Iterator[Callable[..., Postgresql]]:
    """Makes servers that a test may stop, kill and restart: `own_postgresql(options={"fsync": "on"})`."""
    with ExitStack() as stack:

        def make(options: dict[str, object] | None = None) -> Postgresql:
            return _made(stack, lambda: servers.postgresql_process(options))

        yield make


@pytest.fixture
def own_valkey() -> Iterator[Callable[..., Valkey]]:
    """Makes servers that a test may stop, kill and restart: `own_valkey(append_only=True)`."""
    with ExitStack() as stack:

        def make(*, append_only: bool = False, options: tuple[str, ...] = ()) -> Valkey:
            return _made(
                stack,
                lambda: servers.valkey_process(append_only=append_only, options=options),
            )

        yield make


@pytest.fixture
def own_kafka(kafka: servers.KafkaServer) -> Iterator[Callable[..., Kafka]]:
    """Makes brokers that a test may stop, kill and restart: `own_kafka(QUICK_CLEANING)`.

    The run's own comes first: two processes that fetch Kafka at once would get in each other's way.
    """
    with ExitStack() as stack:

        def make(properties: dict[str, str] | None = None) -> Kafka:
            return _made(stack, lambda: servers.kafka_process(properties))

        yield make


@pytest.fixture
def own_registry(schema_registry: servers.SchemaRegistry) -> Iterator[Callable[[], Registry]]:
    """Makes registries that a test may stop, kill and start again: what was registered is kept.

    As to `schema_registry`, see `own_kafka`.
    """
    with ExitStack() as stack:
        yield lambda: _made(stack, servers.registry_process)


@pytest.fixture
def own_sentinel() -> Iterator[servers.SentinelTrio]:
    """A master, a replica and three Sentinels, any of which a test may kill."""
    with ExitStack() as stack:
        yield _made(stack, servers.sentinel_processes)


@pytest.fixture(scope="module")
def secured_kafka(
    kafka: servers.KafkaServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecuredKafka]:
    """A broker with TLS, SCRAM, tokens and ACLs; a module's tests share it. As to `kafka`, see `own_kafka`."""
    from tests import secured  # it makes keys, which few tests need

    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("kafka")
        yield _made(stack, lambda: secured.secured_kafka(folder))


@pytest.fixture(scope="module")
def secured_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredRedis]:
    """A Redis with TLS, that of Debian 12; a module's tests share it."""
    from tests import secured

    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("redis")
        yield _made(stack, lambda: secured.secured_redis(folder))


@pytest.fixture(scope="session")
def java_program() -> Callable[..., jvm.Program]:
    """A Java program by its file and the Maven coordinates that it needs, as `tests.jvm.program` has it."""

    def program(source: Path, *coordinates: str) -> jvm.Program:
        try:
            return jvm.program(source, *coordinates)
        except ToolMissing as missing:
            _unavailable(missing)

    return program


@pytest.fixture(scope="session")
def go_program() -> Callable[[str], Path]:
    """An executable by its name, built where it is not there yet, as `tests.tools.tool` has it."""

    def program(name: str) -> Path:
        try:
            return tool(name)
        except ToolMissing as missing:
            _unavailable(missing)

    return program


def _made(stack: ExitStack, server: Callable[[], AbstractContextManager[T]]) -> T:
    try:
        return stack.enter_context(server())
    except Missing as missing:
        _unavailable(missing)
