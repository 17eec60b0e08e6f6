"""What came along with an event, not looked at until somebody asks."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from consumer.model.record import Record


class _Meta(msgspec.StructMeta, ABCMeta):
    """A struct that is a mapping too: half the cost of a plain class, paid by every event."""


class Metadata(  # noqa: PLW1641 - no mapping has a hash
    msgspec.Struct, Mapping[str, Any], metaclass=_Meta, gc=False, eq=False
):
    """The other attributes and headers, read from the record when first looked at.

    Looking raises `Undecodable` where they are malformed: nobody has read them before.
    """

    _load: Callable[[Record], Mapping[str, Any]]
    _record: Record
    _values: Mapping[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        return self._loaded()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded())

    def __len__(self) -> int:
        return len(self._loaded())

    def __eq__(self, other: object) -> bool:
        return Mapping.__eq__(self, other)

    def __repr__(self) -> str:  # without the values: they may hold what no log should
        return f"<Metadata of {self._record.partition}:{self._record.offset}>"

    def _loaded(self) -> Mapping[str, Any]:
        if self._values is None:
            self._values = self._load(self._record)
        return self._values
