"""Workers on Redis Streams as one writes them by hand: the scenarios must fail on them.

    python -m tests.naive_streams WAY projections.yaml

group     a consumer group spreads the entries over the workers, which XACK them
last-id   a lock with a time-out for each stream, XREAD from the last id, which is a plain HSET

Neither expects Redis to be away, to move to another address, or to be a cluster.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis

from tests.ledger import Writing

LOCK_MILLISECONDS = 1000


class Naive:
    """Read, apply, note."""

    def __init__(self, settings: dict[str, Any]) -> None:
        streams = settings["sources"]["main"]["redis"]
        projection = settings["projections"]["ledger"]
        (self.topic,) = projection["source"]["topics"]
        self.names = [f"{self.topic}:{number}" for number in range(streams["streams"])]
        self.batch_size = projection["batch_size"]
        self.prefix = settings["offsets"]["redis"]["prefix"]
        self.redis: Any = redis.Redis.from_url(self.address(streams), retry=None, protocol=2)
        self.writing = Writing(Path(os.environ["LEDGER_FOLDER"]))
        self.worker = str(os.getpid())

    def address(self, streams: dict[str, Any]) -> str:
        """Where the master is now, and hopefully for ever."""
        if "sentinel" not in streams:
            return str(streams["url"])
        host, _, port = streams["url"].split("/")[2].split(",")[0].partition(":")
        master = redis.sentinel.Sentinel([(host, int(port))]).discover_master(streams["sentinel"])
        return "redis://{}:{}/0".format(*master)

    def apply(self, name: str, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        number = int(name.rpartition(":")[2])
        self.writing.append(
            [
                (self.topic, number, entry_id.decode(), fields[b"subject"].decode(), 0)
                for entry_id, fields in entries
            ]
        )

    def group(self) -> None:
        for name in self.names:
            with suppress(redis.ResponseError):  # another worker was first
                self.redis.xgroup_create(name, self.prefix, "0", mkstream=True)
        while True:
            places = dict.fromkeys(self.names, ">")
            found = self.redis.xreadgroup(
                self.prefix, self.worker, places, count=self.batch_size, block=100
            )
            for name, entries in found:
                self.apply(name.decode(), entries)
                self.redis.xack(name, self.prefix, *(entry_id for entry_id, _ in entries))

    def last_id(self) -> None:
        while True:
            for name in self.names:
                if self.is_mine(name):
                    self.read_on(name)
            time.sleep(0.02)

    def is_mine(self, name: str) -> bool:
        lock = f"naive:{self.prefix}:lock:{name}"
        if self.redis.set(lock, self.worker, nx=True, px=LOCK_MILLISECONDS):
            return True
        if self.redis.get(lock) != self.worker.encode():
            return False
        self.redis.pexpire(lock, LOCK_MILLISECONDS)
        return True

    def read_on(self, name: str) -> None:
        place = f"{self.topic}/{name.rpartition(':')[2]}"
        last = self.redis.hget(f"naive:{self.prefix}", place) or b"0-0"
        for _, entries in self.redis.xread({name: last}, count=self.batch_size):
            self.apply(name, entries)
            self.redis.hset(f"naive:{self.prefix}", place, entries[-1][0])


if __name__ == "__main__":
    threading.Thread(
        target=lambda: (time.sleep(120), os.kill(os.getpid(), signal.SIGKILL)), daemon=True
    ).start()
    naive = Naive(json.loads(Path(sys.argv[2]).read_text()))
    {"group": naive.group, "last-id": naive.last_id}[sys.argv[1]]()
