"""What type checkers accept: `test_types.py` has mypy read it, and expects no error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Any, assert_type
from uuid import UUID

import msgspec

from consumer import Event, Runner, TransactionalProjector
from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.memory.read_model import MemoryReadModel
from projectors import PRIMARY_KEY, Change, EventArchive, LatestState, TableProjector


class OrderPlaced(msgspec.Struct, frozen=True):
    customer_id: str
    account: UUID
    total: Decimal


@dataclass(frozen=True)
class Customer:
    customer_id: Annotated[str, PRIMARY_KEY]
    orders: int = 0
    spent: Decimal = Decimal(0)


class Line(msgspec.Struct):
    order_id: Annotated[str, PRIMARY_KEY]
    number: Annotated[int, PRIMARY_KEY]


customers = TableProjector(Customer)
assert_type(customers, TableProjector[Customer])


@customers.on(OrderPlaced, key=lambda order: order.customer_id)
def placed(row: Customer | None, event: Event[OrderPlaced]) -> Customer:
    row = row or Customer(event.data.customer_id)
    return replace(row, orders=row.orders + 1, spent=row.spent + event.data.total)


@customers.on(OrderPlaced, type="com.shop.order.maybe", version=2)
def maybe(row: Customer | None, event: Event[OrderPlaced]) -> Customer | None:
    return row


@customers.on(OrderPlaced, type="blind", key=lambda order, event: event.metadata["customer"])
def blind(event: Event[OrderPlaced]) -> Customer:
    return Customer(event.data.customer_id)


@customers.on("order.deleted")
def deleted(row: Customer | None, event: Event) -> None: ...


@customers.on("order.purged", key=lambda event: event.aggregate_id.lower())
def purged(event: Event) -> None: ...


@customers.on("order.merged", keys=lambda event: [event.id, event.aggregate_id])
def merged(row: Customer | None, event: Event) -> Customer | None:
    return row


@customers.on(OrderPlaced, type="base", keys=lambda order: {order.customer_id})
def base(row: Customer | None, event: Event[msgspec.Struct]) -> Customer | None:
    return row


@customers.on("keyed", keys=lambda event: [event.id, event.aggregate_id])
def keyed(row: Customer | None, event: Event, key: str) -> Customer:
    return row or Customer(key)


@customers.on(OrderPlaced, type="keyed.default")
def by_aggregate(row: Customer | None, event: Event[OrderPlaced], key: str) -> Customer | None:
    return row or Customer(key)


lines = TableProjector(
    Line, name="order-lines", table="order_line", indexes=[("number",), ["order_id"]]
)


@lines.on(OrderPlaced, key=lambda order, event: (event.aggregate_id, int(order.total)))
def lined(row: Line | None, event: Event[OrderPlaced]) -> Line:
    return row or Line(event.aggregate_id, int(event.data.total))


@lines.on(OrderPlaced, type="many", keys=lambda order, event: [(event.aggregate_id, 1)])
def many(row: Line | None, event: Event[OrderPlaced]) -> Line | None:
    return row


@lines.on(OrderPlaced, type="keyed", keys=lambda order, event: [(event.aggregate_id, 1)])
def line_keyed(row: Line | None, event: Event[OrderPlaced], key: tuple[str, int]) -> Line:
    return row or Line(*key)


@lines.on(dict[str, Any], type="raw", key=lambda data: (data["order"], data["number"]))
def raw(event: Event[dict[str, Any]]) -> Line:
    return Line(event.data["order"], event.data["number"])


class CustomerRow(msgspec.Struct, frozen=True):
    id: str
    spent: Decimal


@customers.on(Change[CustomerRow], type="public.customers", key=lambda change: change.row.id)
def changed(event: Event[Change[CustomerRow]]) -> Customer | None:
    assert_type(event.data.before, CustomerRow | None)
    after = event.data.after
    return None if after is None else Customer(after.id, spent=after.spent)


def tested(row: Customer | None, event: Event[OrderPlaced]) -> None:
    assert_type(placed(row, event), Customer)
    assert_type(placed(None, event).spent, Decimal)
    assert_type(maybe(row, event), Customer | None)
    assert_type(blind(event), Customer)
    keyed(
        None, event, "ada"
    )  # a function of an `Event` whose data may be anything: its result may be too
    raw(Event("id", "raw", "o-1", event.partition, event.offset, {}))
    assert_type(by_aggregate(None, event, "ada"), Customer | None)
    assert_type(line_keyed(None, event, ("o-1", 2)), Line)
    assert_type(deleted(row, event), Customer | None)
    assert_type(purged(event), Customer | None)


projectors: Sequence[TransactionalProjector] = [customers, lines, LatestState(), EventArchive()]
for projector in projectors:
    Runner(MemoryEventLog(), MemoryOffsetStore(), projector, read_model=MemoryReadModel())
