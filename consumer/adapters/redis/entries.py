"""From the entries of a stream to records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TypeAlias

import msgspec

from consumer.adapters.redis.ids import moment
from consumer.model.position import Partition, StreamOffset
from consumer.model.record import Record

#: An entry as it comes over the wire: its id, and its fields' names and values in turn.
Entry: TypeAlias = tuple[bytes, Sequence[bytes]]


def from_mappings(found: Iterable[tuple[bytes, Mapping[bytes, bytes]]]) -> list[Entry]:
    """The entries that redis-py made mappings of."""
    return [
        (entry_id, [part for pair in fields.items() for part in pair]) for entry_id, fields in found
    ]


def records(partition: Partition, entries: Iterable[Entry]) -> list[Record]:
    """The entries as records.

    The field `data` is the value and `key` the key (without one, `subject` is); the others are headers.
    An entry without `data` has a fault, unless its fields are the attributes of a CloudEvent.
    """
    found = []
    names: Sequence[bytes] = ()
    layout = _layout(())
    # Calls would cost a quarter of this loop's time, and it runs for every event.
    for entry_id, fields in entries:
        if (its_names := fields[::2]) != names:
            names, layout = its_names, _layout(tuple(its_names))
        values = fields[1::2]
        milliseconds, _, sequence = entry_id.partition(b"-")
        found.append(
            Record(
                partition,
                StreamOffset(int(milliseconds), int(sequence)),
                None if layout.key is None else values[layout.key],
                None if layout.data is None else values[layout.data],
                list(zip(layout.names, layout.headers(values))),  # noqa: B905  # as many, by the layout
                moment(milliseconds),
                layout.fault,
            )
        )
    return found


class _Layout(msgspec.Struct, frozen=True):
    """What the names of an entry's fields say of its values; a stream's entries have few layouts."""

    #: Where the value is among the values, and where the key.
    data: int | None
    key: int | None
    #: The names of the headers, and what picks their values.
    names: tuple[str, ...]
    headers: Callable[[Sequence[bytes]], Iterable[bytes]]
    fault: str | None = None


@lru_cache(maxsize=1024)
def _layout(fields: tuple[bytes, ...]) -> _Layout:
    place = {name: at for at, name in enumerate(fields)}  # of a repeated field the last
    data, key = place.get(b"data"), place.get(b"key")
    others = [at for at, name in enumerate(fields) if name not in (b"data", b"key")]
    subject_or_key = place.get(b"subject") if key is None else key
    try:
        names = tuple(fields[at].decode() for at in others)
    except UnicodeDecodeError:
        return _Layout(data, subject_or_key, (), _picked([]), "the name of a field is not UTF-8")
    # A stream has no null that would mean a tombstone: without a value, somebody named it otherwise.
    is_event = data is not None or b"specversion" in place
    fault = None if is_event else "the entry has no field `data`, which holds the event"
    return _Layout(data, subject_or_key, names, _picked(others), fault)


def _picked(places: list[int]) -> Callable[[Sequence[bytes]], Iterable[bytes]]:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: [values[at] for at in places]
