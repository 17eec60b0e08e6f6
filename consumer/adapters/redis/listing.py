"""Which records there may be: sets of names beside them, for Redis finds no keys by their beginning."""

from __future__ import annotations

from consumer.adapters.redis.connection import Client, reachable
from consumer.adapters.redis.scripts import text
from consumer.model.position import Partition


class Listing:
    """The projections, and the partitions of each, that were ever recorded; a reset leaves them in it."""

    def __init__(self, client: Client, *, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def add(self, projection: str, partition: Partition) -> None:
        """Before the record, so that no record is ever missing here."""
        with reachable(f"list {projection} in {partition}"):
            self._client.sadd(self._projections, projection)
            self._client.sadd(self._partitions(projection), str(partition))

    def projections(self) -> list[str]:
        """Their names, sorted."""
        with reachable("list the projections"):
            return sorted(text(name) for name in self._client.smembers(self._projections))

    def partitions(self, projection: str) -> list[Partition]:
        """The partitions that may have a record, in order."""
        with reachable(f"list the partitions of {projection}"):
            found = self._client.smembers(self._partitions(projection))
        return sorted(Partition.parse(text(partition)) for partition in found)

    @property
    def _projections(self) -> str:
        return f"{self._prefix}:projections"

    def _partitions(self, projection: str) -> str:
        return f"{self._prefix}:partitions:{projection}"
