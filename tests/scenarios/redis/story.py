"""What the scenarios on Redis Streams share: a topic, events on it, and a fleet that reads it."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from consumer.adapters.redis.connection import Client, connect
from consumer.adapters.redis.offset_store import RedisOffsetStore
from consumer.adapters.redis.partitioning import partition_of
from consumer.adapters.redis.streams import register
from consumer.model.position import Offset, Partition
from tests.contracts.redis_room import fresh
from tests.fleet import PROJECTION, Checkpoints, Fleet, Process, checkpoints_of
from tests.scenarios.telling import Telling

Begin = Callable[..., AbstractContextManager["Story"]]

LEASE = 1.0


class StreamFleet(Fleet):
    """A fleet on Redis Streams; its naive workers are those of tests/naive_streams.py."""

    def spawn(self, *options: str, seconds_an_apply: float = 0.0) -> Process:
        if not self._naive:
            return super().spawn(*options, seconds_an_apply=seconds_an_apply)
        module = [sys.executable, "-m", "tests.naive_streams"]
        env = {"LEDGER_FOLDER": str(self.folder), "LEDGER_SECONDS": str(seconds_an_apply)}
        log = self.folder / f"worker-{len(self.processes)}.log"
        self.processes.append(Process([*module, self._naive, str(self._settings)], env, log))
        return self.processes[-1]


class Story(Telling):
    """A topic of events with keys, its readers, and where they stand."""

    def __init__(self, client: Client, topic: str, streams: int, fleet: Fleet) -> None:
        self.client: Any = client
        self.topic = topic
        self.fleet = fleet
        self.partitions = [Partition(topic, number) for number in range(streams)]
        self._sent = 0

    def publish(self, count: int) -> None:
        """Events of 97 keys, and what is in the log is expected to be applied."""
        entries: dict[int, list[dict[str, str]]] = defaultdict(list)
        for _ in range(count):
            self._sent += 1
            subject = f"k{self._sent % 97}"
            number = partition_of(subject.encode(), len(self.partitions))
            entries[number].append(event(self._sent, subject))
        for number, them in entries.items():
            pipeline = self.client.pipeline()
            for fields in them:
                pipeline.xadd(f"{self.topic}:{number}", fields)
            offsets = [Offset.parse(entry_id.decode()) for entry_id in pipeline.execute()]
            self.fleet.expected[self.partitions[number]] += offsets

    def keep(self, partition: Partition, length: int) -> None:
        """Trims all but the last entries."""
        name = f"{self.topic}:{partition.number}"
        self.client.xtrim(name, maxlen=length, approximate=False)


def event(number: int, subject: str) -> dict[str, str]:
    """A CloudEvent as an entry's fields."""
    whole = {"specversion": "1.0", "id": str(number), "source": "/tests", "type": "counted"}
    return {**whole, "subject": subject, "data": f'{{"n": {number}}}'}


@contextmanager
def story(
    server: Mapping[str, Any],
    folder: Path,
    *,
    streams: int = 4,
    naive: str = "",
    batch_size: int = 50,
    projection: Mapping[str, Any] | None = None,
) -> Iterator[Story]:
    """A fleet on a topic of its own, at the `server` of the settings, which keeps the offsets too.

    `projection` is more settings of the projection.
    """
    topic, prefix = fresh("orders"), fresh("s")
    settings = {
        "offsets": {"redis": {**server, "prefix": prefix}},
        "sources": {
            "main": {
                "redis": {**server, "streams": streams, "lease_seconds": LEASE, "prefix": prefix}
            }
        },
        "projections": {
            PROJECTION: {
                "projector": "tests.ledger:Ledger",
                "source": {"from": "main", "topics": [topic]},
                "batch_size": batch_size,
                "retry": {"initial": 0.1, "cap": 1.0},
                **(projection or {}),
            }
        },
    }
    client = connect(**server)
    register(client, topic, streams)
    store = RedisOffsetStore(connect(**server), prefix=prefix)
    checkpoint = _naive_checkpoints(client, prefix) if naive else checkpoints_of(store)
    with StreamFleet(
        folder,
        settings,
        checkpoint=checkpoint,
        partitions=[Partition(topic, number) for number in range(streams)],
        naive=naive,
    ) as fleet:
        yield Story(client, topic, streams, fleet)
    store.close()
    client.close()


def _naive_checkpoints(client: Any, prefix: str) -> Checkpoints:
    def checkpoint(partition: Partition) -> Offset | None:
        found: bytes | None = client.hget(f"naive:{prefix}", str(partition))
        return None if found is None else Offset.parse(found.decode())

    return checkpoint
