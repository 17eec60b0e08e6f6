"""The guard by sequences: of each aggregate no event counts twice, and none is missed without a word."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from consumer.errors import Poison, SequenceGap
from consumer.model.event import Batch, Event, undecodable
from consumer.model.facts import Duplicated, Gapped
from consumer.model.position import Fence, Offset, Partition
from consumer.model.table import RESERVED, Column, Key, Kind, Row, Table
from consumer.ports.observer import Observer
from consumer.ports.read_model import Transaction

#: What becomes of a partition whose next event has others of its aggregate missing before it.
Gaps = Literal["continue", "halt"]

_PREFIX = f"{RESERVED}sequences_"
#: PostgreSQL cuts off what is longer than 63 bytes.
_ROOM = 63 - len(_PREFIX)
_LARGEST = 2**63 - 1


def sequences_table(projection: str) -> Table:
    """Where the last sequence of each aggregate is kept: a table for each projection, called after it."""
    return Table(
        _PREFIX + _escaped(projection),
        (
            Column("topic", Kind.TEXT),
            Column("aggregate_id", Kind.TEXT),
            Column("sequence", Kind.INTEGER),
            Column("partition_number", Kind.INTEGER),
            Column("event_offset", Kind.TEXT),
        ),
        key=("topic", "aggregate_id"),
        is_own=True,
    )


class _Found(msgspec.Struct):
    """What the guard found in a batch, told once its transaction went through."""

    fence: Fence
    duplicates: int = 0
    gaps: int = 0
    first: Gapped | None = None


class Guarding:
    """Passes over what was applied already, and finds what is missing, by `Event.sequence`.

    The sequences are read and written in the batch's own transaction, so they are those of the rows. An
    event without a sequence passes; so does the first of an aggregate, whatever its sequence.
    """

    def __init__(self, projection: str, *, gaps: Gaps, observer: Observer | None = None) -> None:
        self.table = sequences_table(projection)
        self._halts = gaps == "halt"
        self._observer = observer
        self._found: _Found | None = None

    def passed(self, batch: Batch, transaction: Transaction) -> Sequence[Event]:
        """The events that were not applied yet. Raises `SequenceGap` where that is the end of the partition."""
        found = self._found = _Found(batch.fence)  # and what an attempt found before is void
        keys = dict.fromkeys(_key(event) for event in batch if event.sequence is not None)
        if not keys:
            return batch.events
        last = _Last(transaction.load(self.table, [_mark(batch.partition), *keys]), batch)
        passed: list[Event] = []
        rows: dict[Key, Row] = {}
        for event in batch:
            sequence = event.sequence
            if sequence is not None:
                key = _key(event)
                before = last.sequences.get(key)
                if before is not None and sequence <= before:
                    found.duplicates += 1
                    continue
                is_accepted = key in last.accepted or (event.offset == last.named and key in rows)
                if before is not None and sequence > before + 1 and not is_accepted:
                    self._gap(found, event, sequence, before)
                last.sequences[key] = sequence
                last.accepted.discard(key)
                rows[key] = (*key, sequence, event.partition.number, str(event.offset))
            passed.append(event)
        if rows:
            transaction.write(self.table, rows.values())
        return passed

    def accept(self, places: Mapping[Partition, Offset], transaction: Transaction) -> None:
        """What is missing behind the events up to these places is no gap: a person passed it over."""
        rows = [(*_mark(each), 0, each.number, str(place)) for each, place in places.items()]
        transaction.write(self.table, rows)

    def settled(self, fence: Fence) -> None:
        """The transaction under this fence went through, now or, with its reply lost, before: tells what was found."""
        found, self._found = self._found, None
        if found is None or found.fence != fence or self._observer is None:
            return
        if found.duplicates:
            self._observer.happened(Duplicated(fence.partition, found.duplicates))
        if found.first is not None:
            self._observer.happened(msgspec.structs.replace(found.first, events=found.gaps))

    def _gap(self, found: _Found, event: Event, sequence: int, before: int) -> None:
        if self._halts:
            raise SequenceGap(
                event.partition,
                event.offset,
                f"its sequence is {sequence}, and the last applied of its aggregate is {before}. Find out "
                "where the events between them are. To go on without them, reset this partition to this "
                "very event (offsets reset --partition --to-offset), or set gaps: continue",
            )
        found.gaps += 1
        if found.first is None:
            found.first = Gapped(event.partition, 1, event.offset, sequence, before)


def _key(event: Event) -> Key:
    """The topic and the aggregate; `Undecodable` where no store could keep them."""
    if not -_LARGEST <= (event.sequence or 0) <= _LARGEST:
        raise _unkeepable(event, "its sequence is beyond 64 bits")
    name = event.aggregate_id
    if "\0" in name:
        raise _unkeepable(event, "its aggregate id holds U+0000, which no store takes")
    if not name.isascii():
        try:
            name.encode()
        except UnicodeEncodeError:
            raise _unkeepable(event, "its aggregate id is no Unicode text") from None
    return event.partition.topic, name


def _unkeepable(event: Event, why: str) -> Poison:
    return undecodable(event.partition, event.offset, None, why)


class _Last:
    """What is known of the aggregates of a batch."""

    def __init__(self, rows: Mapping[Key, Row], batch: Batch) -> None:
        fence = batch.fence
        self.sequences: dict[Key, int] = {}
        #: Those whose next event may have any later sequence.
        self.accepted: set[Key] = set()
        mark = rows.get(_mark(fence.partition))
        #: The record that a person said to go on at: what is missing between the events that it bundles is accepted.
        self.named = batch.first if mark is not None and mark[4] == str(fence.expected) else None
        for key, (topic, _, sequence, number, place) in rows.items():
            is_here = number == fence.partition.number
            # What lies ahead of the offset is from before a rebuild that the guard did not see.
            if not topic or (is_here and not _is_up_to(place, fence.expected)):
                continue
            self.sequences[key] = sequence
            if is_here and mark is not None and _is_up_to(place, Offset.parse(mark[4])):
                self.accepted.add(key)


def _mark(partition: Partition) -> Key:
    """The key of a row of the partition's own; no topic is called so."""
    return "", str(partition)


def _is_up_to(place: str, offset: Offset) -> bool:
    at = Offset.parse(place)
    return type(at) is type(offset) and at <= offset


def _escaped(name: str) -> str:
    """The projection's name as part of an identifier; no two names are escaped to the same."""
    plain = re.sub(r"[^a-z0-9]", lambda found: f"_{ord(found[0]):02x}", name)
    if len(plain) <= _ROOM:
        return plain
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return (
        f"{plain[: _ROOM - 18]}__{digest}"  # nothing that was escaped has two underscores in a row
    )
