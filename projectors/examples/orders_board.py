"""A board of orders, and what each customer spends: two read models of the same events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import msgspec

from consumer import Event
from projectors import PRIMARY_KEY, TableProjector

# What happened. Each class is the data of the type of event that is called like it.


class OrderPlaced(msgspec.Struct, frozen=True):
    """A customer ordered; the aggregate is the order."""

    customer_id: str
    total: Decimal


class OrderShipped(msgspec.Struct, frozen=True):
    """The order left the house."""

    carrier: str


class OrderCancelled(msgspec.Struct, frozen=True):
    """The order will not be sent, and its total is not owed."""

    customer_id: str
    total: Decimal


# The board: where each order stands.


class Status(StrEnum):
    """Where an order stands."""

    OPEN = "open"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Order:
    """An order on the board."""

    order_id: Annotated[str, PRIMARY_KEY]
    customer_id: str
    total: Decimal
    status: Status = Status.OPEN
    placed_at: datetime | None = None
    carrier: str | None = None


orders = TableProjector(Order, name="orders", table="orders", indexes=[("status", "placed_at")])


@orders.on(OrderPlaced)  # the primary key is the aggregate id: the order's
def placed(event: Event[OrderPlaced]) -> Order:
    """A new row; nothing has to be loaded for it."""
    order = event.data
    return Order(event.aggregate_id, order.customer_id, order.total, placed_at=event.time)


@orders.on(OrderShipped)
def shipped(row: Order | None, event: Event[OrderShipped]) -> Order | None:
    """Of an order that was placed before the log begins nothing is known, and nothing is shown."""
    return row and replace(row, status=Status.SHIPPED, carrier=event.data.carrier)


@orders.on(
    "OrderCancelled"
)  # by its name alone: the data is not decoded, for nothing of it is needed
def cancelled(row: Order | None, event: Event) -> Order | None:
    """The order stays on the board."""
    return row and replace(row, status=Status.CANCELLED)


@orders.on("OrderErased")
def erased(event: Event) -> None:
    """The row is deleted, whether it is there or not."""


# The totals: what each customer ordered.


@dataclass(frozen=True)
class Customer:
    """A customer with totals."""

    customer_id: Annotated[str, PRIMARY_KEY]
    orders: int = 0
    spent: Decimal = Decimal(0)


customers = TableProjector(Customer, name="customers", table="customers")


@customers.on(OrderPlaced, key=lambda order: order.customer_id)
def counted(row: Customer | None, event: Event[OrderPlaced]) -> Customer:
    """One order more, counted once whatever happens to the worker."""
    row = row or Customer(event.data.customer_id)
    return replace(row, orders=row.orders + 1, spent=row.spent + event.data.total)


@customers.on(OrderCancelled, key=lambda order: order.customer_id)
def taken_back(row: Customer | None, event: Event[OrderCancelled]) -> Customer | None:
    """One order less; who has none left is no customer."""
    if row is None or row.orders == 1:
        return None
    return replace(row, orders=row.orders - 1, spent=row.spent - event.data.total)
