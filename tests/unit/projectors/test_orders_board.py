"""The orders board: each order where it stands, and what each customer spent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from consumer import Event, IntOffset, Partition, Row, Undecodable
from projectors.examples.orders_board import (
    Customer,
    OrderCancelled,
    OrderPlaced,
    cancelled,
    counted,
    customers,
    orders,
    shipped,
    taken_back,
)
from tests.unit.projectors.rooms import Room

PLACED = {"customer_id": "ada", "total": "19.99"}


def of_order(data: Any) -> Event[Any]:
    return Event("id", type(data).__name__, "o-1", Partition("orders", 0), IntOffset(0), data)


def board(room: Room) -> list[Row]:
    return [(row[0], row[2], row[3], row[5]) for row in room.rows()]


def test_what_happens_to_an_order_that_nobody_placed_is_not_shown() -> None:
    room = Room(orders).told("OrderShipped", {"carrier": "DHL"}, aggregate_id="o-1")
    room.told("OrderCancelled", PLACED, aggregate_id="o-1").told("OrderErased", aggregate_id="o-1")
    assert room.rows() == []
    assert shipped(None, of_order(None)) is None
    assert cancelled(None, of_order(None)) is None


def test_an_event_that_is_broken_halts_both() -> None:
    for projector in (orders, customers):
        with pytest.raises(Undecodable, match="total"):
            Room(projector).told("OrderPlaced", {"customer_id": "ada"}).rows()


def test_an_order_is_placed_shipped_cancelled_and_erased() -> None:
    room = Room(orders).told("OrderPlaced", PLACED, aggregate_id="o-1")
    assert board(room) == [("o-1", Decimal("19.99"), "open", None)]
    assert room.rows()[0][4] == next(iter(room.log.read(room.log.partitions()[0], None, 1))).time
    room.told("OrderShipped", {"carrier": "DHL"}, aggregate_id="o-1")
    assert board(room) == [("o-1", Decimal("19.99"), "shipped", "DHL")]
    room.told("OrderCancelled", PLACED, aggregate_id="o-1")
    assert board(room) == [("o-1", Decimal("19.99"), "cancelled", "DHL")]
    assert room.told("OrderErased", aggregate_id="o-1").rows() == []


@pytest.mark.parametrize("size", [1, 2, 500])
def test_totals_are_counted_however_the_log_is_cut(size: int) -> None:
    room = Room(customers, batch_size=size)
    for who, total in (("ada", "19.99"), ("bob", "5"), ("ada", "0.01"), ("eve", "1")):
        room.told("OrderPlaced", {"customer_id": who, "total": total})
    room.told("OrderCancelled", {"customer_id": "ada", "total": "0.01"})
    room.told("OrderCancelled", {"customer_id": "eve", "total": "1"})
    room.told("OrderCancelled", {"customer_id": "nobody", "total": "1"})
    assert room.rows() == [("ada", 1, Decimal("19.99")), ("bob", 1, Decimal(5))]


def test_a_function_is_called_like_any_other() -> None:
    row = counted(None, of_order(OrderPlaced("ada", Decimal(2))))
    assert row == Customer("ada", 1, Decimal(2))
    assert taken_back(row, of_order(OrderCancelled("ada", Decimal(2)))) is None
