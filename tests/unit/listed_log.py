"""A log of several partitions whose events are lists of offsets, for what looks at logs from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from consumer.model.event import Event
from consumer.model.lag import Lag
from consumer.model.position import IntOffset, LogIdentity, Offset, Partition, StreamOffset
from consumer.model.start import Start


class ListedLog:
    """The `EventLog` of what it is given. An offset's time is its (milli)second since 1970."""

    def __init__(
        self, kept: Mapping[Partition, Sequence[Offset]], *, id: str = "log", first: int = 0
    ) -> None:
        self.kept = {partition: list(offsets) for partition, offsets in kept.items()}
        self.id = id
        #: Where the log begins, if it was trimmed; offsets below are gone.
        self.first = first
        self.asked: list[str] = []

    def identity(self, partition: Partition) -> LogIdentity:
        self.asked.append("identity")
        return LogIdentity(self.id, len([p for p in self.kept if p.topic == partition.topic]))

    def partitions(self) -> Sequence[Partition]:
        return sorted(self.kept)

    def ends(self) -> Mapping[Partition, Offset]:
        self.asked.append("ends")
        return {each: self._end(each) for each in self.kept}

    def lag(self, offsets: Mapping[Partition, Offset]) -> Mapping[Partition, Lag]:
        return {
            partition: self._lag(partition, offset)
            for partition, offset in offsets.items()
            if type(offset) is type(self._end(partition))
        }

    def before(self, partition: Partition, start: Start) -> Offset:
        if start.at == "beginning":
            offsets = self.kept[partition]
            return offsets[0].previous if self.first and offsets else self._zero(partition)
        if start.at == "time" and start.time:
            since = [o for o in self.kept[partition] if _time(o) >= start.time]
            return since[0].previous if since else self._end(partition)
        return self._end(partition)

    def read(self, partition: Partition, after: Offset | None, limit: int) -> Sequence[Event]:
        left = [o for o in self.kept[partition] if after is None or o > after]
        return [Event("", "", "", partition, offset) for offset in left[: min(limit, 2)]]

    def close(self) -> None: ...

    def _lag(self, partition: Partition, offset: Offset) -> Lag:
        left = [each for each in self.kept[partition] if each > offset]
        return Lag(len(left), _time(left[0]) if left else None)

    def _end(self, partition: Partition) -> Offset:
        offsets = self.kept[partition]
        return offsets[-1] if offsets else self._zero(partition)

    def _zero(self, partition: Partition) -> Offset:
        return self.kept[partition][0].zero if self.kept[partition] else IntOffset(-1)


def _time(offset: Offset) -> datetime:
    if isinstance(offset, StreamOffset):
        return datetime.fromtimestamp(offset.milliseconds / 1000, UTC)
    assert isinstance(offset, IntOffset)
    return datetime.fromtimestamp(offset.value, UTC)


def counted(count: int, *, first: int = 0) -> list[Offset]:
    return [IntOffset(value) for value in range(first, count)]
