"""How far a whole projection has come: an offset for each partition, compared as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from urllib.parse import quote, unquote

from consumer.model.position import Offset, Partition


class Offsets(Mapping[Partition, Offset]):
    """A vector of offsets, one a partition, that never changes.

    `a <= b` where no partition of `a` is further than in `b`; one that a vector does not have is at its
    zero there. This order is partial: of two vectors neither may be `<=` the other. Offsets of two
    kinds never meet: neither in one vector nor in a comparison, both raise `TypeError`; such vectors are
    unequal. `str` prints a vector, `Offsets.parse` reads it back.
    """

    __slots__ = ("_kind", "_offsets")

    def __init__(self, offsets: Mapping[Partition, Offset]) -> None:
        self._offsets = MappingProxyType(dict(sorted(offsets.items())))
        kinds = {type(offset) for offset in self._offsets.values()}
        if len(kinds) > 1:
            names = " and ".join(sorted(kind.__name__ for kind in kinds))
            raise TypeError(f"a vector holds offsets of one kind, and these are {names}")
        #: The kind of its offsets; None of an empty vector, which can be compared with all.
        self._kind = kinds.pop() if kinds else None

    def __getitem__(self, partition: Partition) -> Offset:
        return self._offsets[partition]

    def __iter__(self) -> Iterator[Partition]:
        return iter(self._offsets)

    def __len__(self) -> int:
        return len(self._offsets)

    def __hash__(self) -> int:
        return hash(tuple(self._offsets.items()))

    def __le__(self, other: Offsets) -> bool:
        if not isinstance(other, Offsets):
            return NotImplemented
        if None not in {self._kind, other._kind} and self._kind is not other._kind:
            raise TypeError(f"{self!r} and {other!r} are of two kinds of log: they have no order")
        return all(
            offset <= other.get(partition, offset.zero) for partition, offset in self.items()
        )

    def __ge__(self, other: Offsets) -> bool:
        return other <= self

    def __lt__(self, other: Offsets) -> bool:
        return self <= other and not other <= self

    def __gt__(self, other: Offsets) -> bool:
        return other < self

    @property
    def zero(self) -> Offsets:
        """The same partitions, each before its first event."""
        return Offsets({partition: offset.zero for partition, offset in self.items()})

    @property
    def is_zero(self) -> bool:
        """Whether no partition has come past its zero."""
        return all(offset.is_zero for offset in self.values())

    @staticmethod
    def parse(text: str) -> Offsets:
        """The vector that `str` printed as `text`; `ValueError` if it is none."""
        offsets: dict[Partition, Offset] = {}
        for place in text.split(",") if text else ():
            name, _, offset = place.partition("=")
            partition = Partition.parse(unquote(name))
            if partition in offsets:
                raise ValueError(f"{text!r} has {partition} twice")
            offsets[partition] = Offset.parse(offset)
        return Offsets(offsets)

    def __str__(self) -> str:  # topics may hold what stands between places
        return ",".join(f"{quote(str(partition))}={offset}" for partition, offset in self.items())

    def __repr__(self) -> str:
        return f"<Offsets {self}>"
