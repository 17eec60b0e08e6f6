"""Projectors to be tested: one whose rows are a read model's, some that go wrong, and some that write by themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal

import msgspec

from consumer import Batch, Column, Kind, Row, Table, Transaction

SUMS = Table("sums", (Column("customer", Kind.TEXT), Column("total", Kind.DECIMAL)), ("customer",))
COUNTS = Table("counts", (Column("type", Kind.TEXT), Column("count", Kind.INTEGER)), ("type",))


class OrderPlaced(msgspec.Struct, frozen=True):
    customer: str
    total: Decimal


class OrderCancelled(msgspec.Struct, frozen=True):
    customer: str


class Sum(msgspec.Struct, frozen=True):
    customer: str
    total: Decimal


class Sums:
    """What each customer has spent; whoever cancels is gone."""

    name = "sums"
    handles: Collection[str] | None = frozenset({"shop.placed", "OrderCancelled"})
    tables: tuple[Table, ...] = (SUMS,)
    read_models: Collection[str] | None = None

    def prepare(self, transaction: Transaction) -> None:
        """There is nothing more to prepare."""

    def project(self, batch: Batch, transaction: Transaction) -> None:
        names = [(event.decode(dict)["customer"],) for event in batch]
        sums = {key: row[1] for key, row in transaction.load(SUMS, sorted(set(names))).items()}
        for event, key in zip(batch, names, strict=True):
            if event.type == "OrderCancelled":
                sums.pop(key, None)
            else:
                sums[key] = sums.get(key, Decimal(0)) + event.decode(OrderPlaced).total
        gone = sorted(set(names) - set(sums))
        transaction.write(SUMS, [(name, total) for (name,), total in sorted(sums.items())], gone)

    def clear(self, transaction: Transaction) -> None:
        transaction.clear(SUMS)

    def rows_of(self, table: Table, rows: Iterable[Row]) -> list[Sum]:
        return [Sum(*row) for row in rows]

    def type_of(self, data: type) -> str | None:
        return "shop.placed" if data is OrderPlaced else None


class Counts:
    """How many events there were, of two tables, and without a type for its rows."""

    name = "counts"
    handles: Collection[str] | None = None
    tables: tuple[Table, ...] = (COUNTS, SUMS)
    read_models: Collection[str] | None = None

    def prepare(self, transaction: Transaction) -> None:
        """There is nothing more to prepare."""

    def project(self, batch: Batch, transaction: Transaction) -> None:
        types = sorted({(event.type,) for event in batch})
        counts = {key: row[1] for key, row in transaction.load(COUNTS, types).items()}
        for event in batch:
            counts[event.type,] = counts.get((event.type,), 0) + 1
        transaction.write(COUNTS, [(type, count) for (type,), count in sorted(counts.items())])

    def clear(self, transaction: Transaction) -> None:
        transaction.clear(COUNTS)


class Forgetful(Counts):
    """Keeps its counts in itself, so that what is taken back stays counted."""

    tables = (COUNTS,)

    def __init__(self) -> None:
        self.count = 0

    def project(self, batch: Batch, transaction: Transaction) -> None:
        self.count += len(batch)
        transaction.write(COUNTS, [("all", self.count)])


class OfBatches(Counts):
    """Counts batches, where it should count events."""

    tables = (COUNTS,)

    def project(self, batch: Batch, transaction: Transaction) -> None:
        before = transaction.load(COUNTS, [("all",)]).get(("all",), ("all", 0))
        transaction.write(COUNTS, [("all", before[1] + (2 if len(batch) > 2 else 1))])


class Own:
    """Writes by itself, into a dictionary: what each customer ordered last."""

    name = "own"
    handles: Collection[str] | None = frozenset({"OrderPlaced", "OrderCancelled"})

    def __init__(self) -> None:
        self.store: dict[str, object] = {}
        self.closed = 0

    def apply(self, batch: Batch) -> None:
        for event in batch:
            data = event.decode(dict)
            self.fold(data["customer"], event.type)

    def fold(self, customer: str, type: str) -> None:
        self.store[customer] = type

    def reset(self) -> None:
        self.store.clear()

    def close(self) -> None:
        self.closed += 1


class Adding(Own):
    """Counts twice what comes twice."""

    def fold(self, customer: str, type: str) -> None:
        count = self.store.get(customer, 0)
        assert isinstance(count, int)
        self.store[customer] = count + 1


class Flipping(Own):
    """Right if all events come again, and wrong if only the last ones do."""

    def fold(self, customer: str, type: str) -> None:
        if type == "OrderPlaced":
            self.store[customer] = "open"
        elif self.store[customer] == "open":
            self.store[customer] = "closed"
        else:
            self.store[customer] = "confused"


class WithoutReset:
    """Writes by itself, and cannot be emptied."""

    name = "without-reset"
    handles = None

    def apply(self, batch: Batch) -> None:
        """Nothing is written."""


class Waiting(Own):
    """Its methods are coroutines."""

    async def apply(self, batch: Batch) -> None:  # type: ignore[override]
        super().apply(batch)

    async def close(self) -> None:  # type: ignore[override]
        super().close()

    async def reset(self) -> None:  # type: ignore[override]
        super().reset()
