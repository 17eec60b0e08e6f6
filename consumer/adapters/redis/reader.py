"""Reading many streams at once, each from where it was read to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import sleep
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

from redis import Redis, RedisCluster

from consumer.adapters.redis.connection import Client, reachable
from consumer.adapters.redis.entries import Entry, from_mappings
from consumer.adapters.redis.ids import offset_of
from consumer.adapters.redis.reading import Reading
from consumer.errors import ConsumerError
from consumer.model.position import StreamOffset

#: Entries of one stream, in order; the first may be the one that was read last.
Entries: TypeAlias = Sequence[Entry]

#: What was read of each.
Found: TypeAlias = Sequence[tuple[Reading, Entries]]

_NOWHERE: Mapping[str, StreamOffset] = MappingProxyType({})

#: Seconds between two reads while a cluster has nothing new.
_CLUSTER_PAUSE = 0.02

#: A wait ends in good time before the connection would take the server for dead.
_OF_THE_TIMEOUT = 0.5


class Reader(Protocol):
    """How the streams of a server, or of a cluster, are read."""

    def read(self, readings: Sequence[Reading], limit: int) -> list[tuple[Reading, Entries]]:
        """Up to `limit` entries behind each reading, from the one it was read to on, if that is there.

        May raise `Transient`.
        """

    def read_ahead(self, readings: Sequence[Reading], found: Found, limit: int) -> None:
        """Lets the server prepare, while the caller is busy, what `read` is asked for after `found`."""

    def wait(self, readings: Sequence[Reading], seconds: float) -> bool:
        """Whether there may be more behind one of the readings; returns once there is, or earlier.

        May raise `Transient`.
        """

    def close(self) -> None:
        """Drops what was read ahead."""


def reader(client: Client) -> Reader:
    """The reader for this kind of client."""
    return _OfCluster(client) if isinstance(client, RedisCluster) else _OfServer(client)


class _OfServer:
    """One XREAD for all streams; its reply is taken as it comes, since redis-py's mappings cost as
    much as all else about an entry.
    """

    def __init__(self, client: Redis) -> None:
        self._pool: Any = client.connection_pool
        #: What was asked for and is not answered yet, and the connection on which the answer comes.
        self._asked: tuple[list[str | int], Any] | None = None

    def read(self, readings: Sequence[Reading], limit: int) -> list[tuple[Reading, Entries]]:
        """As `Reader.read`."""
        command = _command(readings, limit)
        with reachable(f"read {len(readings)} streams"):
            if self._asked and self._asked[0] != command:
                self._answer()
            if not self._asked:
                self._ask(command)
            found = dict(self._answer() or ())
        return [(reading, found.get(reading.name.encode(), ())) for reading in readings]

    def read_ahead(self, readings: Sequence[Reading], found: Found, limit: int) -> None:
        """As `Reader.read_ahead`; what fails here fails again in `read`."""
        read_to = {reading.name: offset_of(entries[-1][0]) for reading, entries in found}
        with suppress(ConsumerError), reachable("read ahead"):
            self._ask(_command(readings, limit, read_to))

    def wait(self, readings: Sequence[Reading], seconds: float) -> bool:
        """As `Reader.wait`."""
        if seconds <= 0:
            return False
        with reachable(f"wait for entries in {len(readings)} streams"):
            connection = self._pool.get_connection()
            longest = (connection.socket_timeout or seconds) * _OF_THE_TIMEOUT
            milliseconds = max(1, int(min(seconds, longest) * 1000))
            names = [reading.name for reading in readings]
            ends = [str(reading.through) for reading in readings]
            self._ask(
                ["XREAD", "COUNT", 1, "BLOCK", milliseconds, "STREAMS", *names, *ends], connection
            )
            return bool(self._answer())

    def close(self) -> None:
        """As `Reader.close`."""
        if self._asked:
            _, connection = self._asked
            self._asked = None
            connection.disconnect()
            self._pool.release(connection)

    def _ask(self, command: list[str | int], connection: Any = None) -> None:
        connection = connection or self._pool.get_connection()
        try:
            connection.send_command(*command)
        except BaseException:
            connection.disconnect()
            self._pool.release(connection)
            raise
        self._asked = (command, connection)

    def _answer(self) -> Any:
        if self._asked is None:
            return None
        _, connection = self._asked
        self._asked = None
        try:
            return connection.read_response()
        except BaseException:
            connection.disconnect()
            raise
        finally:
            self._pool.release(connection)


class _OfCluster:
    """One XREAD a stream, in one round trip a node: a command names streams of one slot alone."""

    def __init__(self, client: RedisCluster) -> None:
        self._client = client

    def read(self, readings: Sequence[Reading], limit: int) -> list[tuple[Reading, Entries]]:
        """As `Reader.read`."""
        with reachable(f"read {len(readings)} streams"):
            pipeline: Any = self._client.pipeline()  # type: ignore[no-untyped-call]  # redis-py's
            for reading in readings:
                pipeline.xread({reading.name: str(reading.through.previous)}, count=limit + 1)
            replies = pipeline.execute()
        return [
            (reading, [entry for _, found in reply for entry in from_mappings(found)])
            for reading, reply in zip(readings, replies, strict=True)
        ]

    def read_ahead(self, readings: Sequence[Reading], found: Found, limit: int) -> None:
        """As `Reader.read_ahead`: nothing is."""

    def wait(self, readings: Sequence[Reading], seconds: float) -> bool:
        """As `Reader.wait`: no command waits for streams in several slots."""
        sleep(max(0.0, min(seconds, _CLUSTER_PAUSE)))
        return seconds > 0

    def close(self) -> None:
        """As `Reader.close`."""


def _command(
    readings: Sequence[Reading], limit: int, read_to: Mapping[str, StreamOffset] = _NOWHERE
) -> list[str | int]:
    names = [reading.name for reading in readings]
    starts = [str(read_to.get(reading.name, reading.through).previous) for reading in readings]
    return ["XREAD", "COUNT", limit + 1, "STREAMS", *names, *starts]
