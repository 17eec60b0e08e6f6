"""The projectors of the read models' rows: a row an event, and a fold onto a thousand keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from benchmarks.orders import Order
from consumer import Event
from projectors import PRIMARY_KEY, TableProjector

#: How many rows the fold has.
KEYS = 1_000


class OrderRow(msgspec.Struct, frozen=True, gc=False):
    """A row for each event."""

    order_id: Annotated[str, PRIMARY_KEY]
    customer_id: str
    cents: int
    placed_at: datetime
    version: int


class Board(msgspec.Struct, frozen=True, gc=False):
    """A row for all events whose amount ends alike."""

    bucket: Annotated[int, PRIMARY_KEY]
    orders: int
    cents: int
    customer_id: str
    placed_at: datetime


each = TableProjector(OrderRow, table="bench_each")
board = TableProjector(Board, table="bench_board")


@each.on(Order, type="OrderPlaced", key=lambda _, event: event.id)
def placed(event: Event[Order]) -> OrderRow:
    order = event.data
    assert event.time is not None
    return OrderRow(event.id, order.customer_id, order.cents, event.time, event.version)


@board.on(Order, type="OrderPlaced", key=lambda order: order.cents % KEYS)
def counted(row: Board | None, event: Event[Order]) -> Board:
    order = event.data
    assert event.time is not None
    orders, cents = (row.orders, row.cents) if row else (0, 0)
    bucket = order.cents % KEYS
    return Board(bucket, orders + 1, cents + order.cents, order.customer_id, event.time)
