"""TableProjector: what it loads, calls and writes, and what it does with functions that go wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer import (
    ApplyFailed,
    Conflict,
    Event,
    Misconfigured,
    Note,
    Transient,
    Undecodable,
    upcaster,
)
from consumer.engine.upcasting import Upcasting
from consumer.testing import project
from projectors import PRIMARY_KEY, TableProjector
from tests.unit.projectors.rooms import Recording, Room, batch, event, noted


class OrderPlaced(msgspec.Struct, frozen=True):
    customer_id: str
    total: Decimal


class Moved(msgspec.Struct, frozen=True):
    accounts: list[str]


@dataclass(frozen=True)
class Customer:
    customer_id: Annotated[str, PRIMARY_KEY]
    orders: int = 0
    spent: Decimal = Decimal(0)


@dataclass
class Basket:
    """A row that may be changed, as may what it holds."""

    basket_id: Annotated[str, PRIMARY_KEY]
    items: list[str]


def made() -> TableProjector[Customer]:
    customers = TableProjector(Customer)

    @customers.on(OrderPlaced, key=lambda order: order.customer_id)
    def placed(row: Customer | None, event: Event[OrderPlaced]) -> Customer:
        row = row or Customer(event.data.customer_id)
        return replace(row, orders=row.orders + 1, spent=row.spent + event.data.total)

    @customers.on("customer.erased")
    def erased(row: Customer | None, event: Event) -> Customer | None:
        return None

    @customers.on("customer.imported")
    def imported(event: Event) -> Customer:
        return Customer(event.aggregate_id, 10, Decimal(100))

    @customers.on("customer.purged")
    def purged(event: Event) -> None:
        """Gone, whether it was there or not."""

    @customers.on("seen")
    def seen(row: Customer | None, event: Event) -> Customer | None:
        return row

    return customers


def order(who: str, total: int = 1, at: int = 0) -> Event:
    return event("OrderPlaced", {"customer_id": who, "total": total}, at=at)


# Unhappy first.


def test_an_undecodable_comes_out_before_any_function_is_called() -> None:
    called = []
    customers = TableProjector(Customer)

    @customers.on(OrderPlaced, key=lambda order: called.append("key") or order.customer_id)  # type: ignore[func-returns-value]
    def placed(row: Customer | None, event: Event[OrderPlaced]) -> Customer | None:
        called.append("function")
        return row

    broken = event("OrderPlaced", {"customer": "ada"}, at=7)
    with pytest.raises(Undecodable) as raised:
        customers.project(batch(order("ada"), broken), Recording())
    assert raised.value.offset == broken.offset
    assert not called


def test_a_tombstone_of_a_decoded_type_is_undecodable() -> None:
    with pytest.raises(Undecodable, match="a tombstone has no data"):
        made().project(batch(event("OrderPlaced")), Recording())


def test_what_a_function_raises_passes_with_a_note_of_the_function_and_the_event() -> None:
    customers = TableProjector(Customer)

    @customers.on("boom")
    def boom(row: Customer | None, event: Event) -> Customer | None:
        raise ZeroDivisionError("secret")

    transaction = Recording()
    with pytest.raises(ZeroDivisionError) as raised:
        customers.project(batch(event("boom", at=5)), transaction)
    (note,) = raised.value.__notes__
    assert isinstance(note, Note)  # so the log tells it
    assert note.startswith("in boom (tests/unit/projectors/test_table_projector.py:")
    assert note.endswith("), for boom in orders/3 at offset 5")
    assert not transaction.writes


@pytest.mark.parametrize("kind", [Transient, Conflict])
def test_an_outage_that_a_function_tells_of_stays_one(kind: type[Transient]) -> None:
    customers = TableProjector(Customer)

    @customers.on("boom")
    def boom(row: Customer | None, event: Event) -> Customer | None:
        raise kind("away")

    with pytest.raises(kind):
        customers.project(batch(event("boom")), Recording())


def test_what_a_keys_function_raises_passes_with_a_note() -> None:
    customers = TableProjector(Customer)

    @customers.on("boom", key=lambda event: event.metadata["customer"])
    def boom(row: Customer | None, event: Event) -> Customer | None:
        return None

    with noted() as notes:
        customers.project(batch(event("boom", at=5)), Recording())
    (note,) = notes
    assert note.startswith("telling the key of boom (")
    assert "orders/3 at offset 5" in note


def test_a_key_that_cannot_be_looked_up_passes_with_a_note() -> None:
    customers = TableProjector(Customer)

    @customers.on("boom", key=lambda event: [])  # type: ignore[type-var]
    def boom(row: Customer | None, event: Event) -> Customer | None:
        return None

    with noted() as notes:
        customers.project(batch(event("boom", at=5)), Recording())
    assert "telling the key of boom (" in notes[0]


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (None, "is None, and not str"),
        (7, "is of type int, and not str"),
        (("ada",), r"is a tuple \(str\), and not str"),
        (b"ada", "is of type bytes, and not str"),
    ],
)
def test_a_key_of_another_type_is_refused_by_the_functions_name(key: object, told: str) -> None:
    customers = TableProjector(Customer)

    @customers.on("seen", key=lambda event: key)  # type: ignore[type-var]
    def seen(row: Customer | None, event: Event) -> Customer | None:
        return None

    with pytest.raises(ApplyFailed, match=rf"seen \(.*\) tells a key that {told}") as raised:
        customers.project(batch(event("seen", at=5)), Recording())
    assert str(raised.value).startswith("orders/3 at offset 5: ")


def test_several_keys_that_are_one_text_are_refused() -> None:
    customers = TableProjector(Customer)

    @customers.on("seen", keys=lambda event: "ada")
    def seen(row: Customer | None, event: Event) -> Customer | None:
        return None

    with pytest.raises(TypeError, match="use key="):
        customers.project(batch(event("seen")), Recording())


def test_a_row_with_another_key_is_refused_without_its_value() -> None:
    customers = TableProjector(Customer)

    @customers.on("renamed")
    def renamed(row: Customer | None, event: Event) -> Customer:
        return Customer("secret")

    for stored in ([], [("ada", 1, Decimal(1))]):
        with pytest.raises(ApplyFailed, match="with another primary key") as raised:
            customers.project(batch(event("renamed", about="ada", at=9)), Recording(*stored))
        assert "renamed (tests/unit/projectors/test_table_projector.py:" in str(raised.value)
        assert "offset 9" in str(raised.value)
        assert "secret" not in str(raised.value)


@pytest.mark.parametrize("returned", ["ada", 0, {}, ("ada", 1, Decimal(1))])
def test_what_is_no_row_is_refused(returned: object) -> None:
    customers = TableProjector(Customer)

    @customers.on("seen")
    def seen(event: Event) -> Customer:
        return returned  # type: ignore[return-value]

    with pytest.raises(ApplyFailed, match=rf"seen .* returned a {type(returned).__name__}, and no"):
        customers.project(batch(event("seen", about="ada")), Recording())


def test_a_row_that_its_column_cannot_hold_is_refused() -> None:
    customers = TableProjector(Customer)

    @customers.on("seen")
    def seen(event: Event) -> Customer:
        return Customer(event.aggregate_id, None)  # type: ignore[arg-type]

    with pytest.raises(ApplyFailed, match="orders is None"):
        customers.project(batch(event("seen", about="ada")), Recording())


def test_one_row_object_for_two_keys_is_refused() -> None:
    baskets = TableProjector(Basket)
    shared = Basket("", [])

    @baskets.on("filled", keys=lambda event: ["a", "b"])
    def filled(row: Basket | None, event: Event) -> Basket:
        shared.basket_id = "b" if shared.basket_id else "a"
        return shared

    transaction = Recording()
    with pytest.raises(ApplyFailed, match="a row of its own for each key"):
        baskets.project(batch(event("filled")), transaction)
    assert not transaction.writes


def test_the_batch_halts_as_the_runner_halts_it_and_goes_on_once_mended() -> None:
    room = Room(made()).told("OrderPlaced", {"customer_id": "ada", "total": "1"})
    room.told("OrderPlaced", {"total": "2"})
    with pytest.raises(Undecodable) as raised:
        room.rows()
    assert raised.value.offset.value == 1
    (table,) = made().tables
    assert room.read_model.rows(table) == [("ada", 1, Decimal(1))]


def test_a_projector_without_a_function_says_so() -> None:
    with pytest.raises(Misconfigured, match="customer has no function for any event"):
        _ = TableProjector(Customer).handles


def test_a_function_that_is_declared_too_late_is_refused() -> None:
    customers = made()
    Room(customers).told("seen").rows()
    with pytest.raises(Misconfigured, match="after customer began"):

        @customers.on("late")
        def late(event: Event) -> None: ...


# What it loads and writes.


def test_rows_are_loaded_once_folded_in_order_and_written_once() -> None:
    transaction = Recording(("ada", 5, Decimal(50)))
    events = [order("ada", 1, 0), order("bob", 2, 1), order("ada", 3, 2), event("unknown", at=3)]
    made().project(batch(*events), transaction)
    assert transaction.loads == [[("ada",), ("bob",)]]
    assert transaction.writes == [([("ada", 7, Decimal(54)), ("bob", 1, Decimal(2))], [])]


def test_what_replaces_blindly_is_not_loaded_and_what_follows_folds_on_it() -> None:
    transaction = Recording(("ada", 5, Decimal(50)))
    made().project(batch(event("customer.imported", about="ada"), order("ada", 1)), transaction)
    assert transaction.loads == []
    assert transaction.writes == [([("ada", 11, Decimal(101))], [])]


def test_a_row_that_is_needed_first_and_replaced_later_is_loaded() -> None:
    transaction = Recording()
    made().project(batch(order("ada"), event("customer.imported", about="ada")), transaction)
    assert transaction.loads == [[("ada",)]]
    assert transaction.writes == [([("ada", 10, Decimal(100))], [])]


def test_none_deletes_a_row_that_is_there_and_nothing_else() -> None:
    transaction = Recording(("ada", 5, Decimal(50)))
    erased = [event("customer.erased", about=who) for who in ("ada", "bob")]
    made().project(batch(*erased, order("eve"), event("customer.erased", about="eve")), transaction)
    assert transaction.writes == [([], [("ada",)])]


def test_a_blind_delete_needs_no_load() -> None:
    transaction = Recording()
    made().project(batch(event("customer.purged", about="ada")), transaction)
    assert transaction.loads == []
    assert transaction.writes == [([], [("ada",)])]


def test_a_row_may_come_again_after_it_was_deleted() -> None:
    transaction = Recording(("ada", 5, Decimal(50)))
    made().project(batch(event("customer.erased", about="ada"), order("ada", 2)), transaction)
    assert transaction.writes == [([("ada", 1, Decimal(2))], [])]


def test_rows_that_end_as_they_were_are_not_written() -> None:
    transaction = Recording(("ada", 10, Decimal(100)))
    events = [order("ada"), event("customer.imported", about="ada"), event("seen", about="bob")]
    made().project(batch(*events), transaction)
    assert transaction.writes == []


def test_a_row_that_a_function_changes_and_returns_is_written() -> None:
    baskets = TableProjector(Basket)

    @baskets.on("filled")
    def filled(row: Basket | None, event: Event) -> Basket:
        row = row or Basket(event.aggregate_id, [])
        row.items.append("pear")
        return row

    stored = ("a", ["apple"])
    transaction = Recording(stored)
    made_of = batch(
        event("filled", about="a"), event("filled", about="b"), event("filled", about="a")
    )
    for _ in range(2):  # as after a conflict: what is stored was not touched by the first
        baskets.project(made_of, transaction)
        assert transaction.writes.pop() == (
            [("a", ["apple", "pear", "pear"]), ("b", ["pear"])],
            [],
        )
    assert stored == ("a", ["apple"])


def test_no_row_is_shared_with_what_was_written() -> None:
    kept = Basket("a", [])
    baskets = TableProjector(Basket)

    @baskets.on("filled")
    def filled(event: Event) -> Basket:
        return kept

    transaction = Recording()
    baskets.project(batch(event("filled", about="a")), transaction)
    kept.items.append("later")
    assert transaction.writes == [([("a", [])], [])]


def test_clear_deletes_all_rows() -> None:
    transaction = Recording(("ada", 1, Decimal(1)))
    made().clear(transaction)
    assert transaction.stored == []


# Keys.


def test_a_function_is_called_once_for_each_distinct_key() -> None:
    accounts = TableProjector(Customer, table="account")

    @accounts.on(Moved, keys=lambda moved: moved.accounts)
    def moved(row: Customer | None, event: Event[Moved]) -> Customer | None:
        return None if row is None else replace(row, orders=row.orders + 1)

    transaction = Recording(("a", 0, Decimal(0)), ("b", 0, Decimal(0)))
    events = [event("Moved", {"accounts": keys}) for keys in (["b", "a", "b"], [], ["a"])]
    accounts.project(batch(*events), transaction)
    assert transaction.loads == [[("b",), ("a",)]]
    assert transaction.writes == [([("b", 1, Decimal(0)), ("a", 2, Decimal(0))], [])]


def test_a_function_may_be_told_the_key_it_is_called_for() -> None:
    accounts = TableProjector(Customer)

    @accounts.on(Moved, keys=lambda moved: moved.accounts)
    def moved(row: Customer | None, event: Event[Moved], key: str) -> Customer:
        return replace(row or Customer(key), orders=event.data.accounts.index(key))

    transaction = Recording(("b", 9, Decimal(1)))
    accounts.project(batch(event("Moved", {"accounts": ["a", "b"]})), transaction)
    assert transaction.loads == [[("a",), ("b",)]]
    assert transaction.writes == [([("a", 0, Decimal(0)), ("b", 1, Decimal(1))], [])]


@dataclass(frozen=True)
class Line:
    order_id: Annotated[str, PRIMARY_KEY]
    name: str
    number: Annotated[int, PRIMARY_KEY]


class Lined(msgspec.Struct):
    name: str
    number: int


def test_a_composite_key_is_a_tuple_in_the_order_of_the_fields() -> None:
    lines = TableProjector(Line)

    @lines.on(Lined, key=lambda line, event: (event.aggregate_id, line.number))
    def lined(row: Line | None, event: Event[Lined]) -> Line:
        return Line(event.aggregate_id, event.data.name, event.data.number)

    @lines.on("gone", keys=lambda event: [(event.aggregate_id, number) for number in (1, 2)])
    def gone(event: Event) -> None: ...

    @lines.on("wrong", key=lambda event: [event.aggregate_id, "1"])  # type: ignore[type-var]
    def wrong(event: Event) -> None: ...

    @lines.on("contrary", key=lambda event: ("1", event.aggregate_id))
    def contrary(event: Event) -> None: ...

    (table,) = lines.tables
    assert table.key == ("order_id", "number")
    transaction = Recording()
    lines.project(batch(event("Lined", {"name": "pear", "number": 2}, about="o1")), transaction)
    lines.project(batch(event("gone", about="o1")), transaction)
    assert transaction.loads == [[("o1", 2)]]
    assert transaction.writes == [([("o1", "pear", 2)], []), ([], [("o1", 1), ("o1", 2)])]
    with pytest.raises(ApplyFailed, match=r"a tuple \(str, str\), and not a tuple \(str, int\)"):
        lines.project(batch(event("contrary", about="o1")), transaction)
    with noted():
        lines.project(batch(event("wrong", about="o1")), transaction)


def test_a_key_may_come_from_data_and_event() -> None:
    customers = TableProjector(Customer)

    @customers.on(OrderPlaced, keys=lambda order, event: [order.customer_id, event.aggregate_id])
    def placed(row: Customer | None, event: Event[OrderPlaced]) -> Customer | None:
        return row

    transaction = Recording()
    placed_ = event("OrderPlaced", {"customer_id": "ada", "total": 1}, about="bob")
    customers.project(batch(placed_), transaction)
    assert transaction.loads == [[("ada",), ("bob",)]]


# What it tells of itself.


def test_it_is_called_as_its_table_and_that_as_the_class_in_snake_case() -> None:
    @dataclass
    class HTTPRequestV2:
        id: Annotated[str, PRIMARY_KEY]

    projector = TableProjector(HTTPRequestV2)
    assert (projector.name, projector.tables[0].name) == ("http_request_v2", "http_request_v2")
    assert TableProjector(Customer, table="clients").name == "clients"
    named = TableProjector(Customer, name="who-buys")
    assert (named.name, named.tables[0].name) == ("who-buys", "customer")
    assert named.read_models is None
    assert repr(named) == "<TableProjector who-buys of Customer>"


def test_types_without_a_version_are_left_to_the_upcasters() -> None:
    assert made().handles == {
        "OrderPlaced", "customer.erased", "customer.imported", "customer.purged", "seen"
    }  # fmt: skip


def test_a_version_that_a_function_takes_is_told() -> None:
    customers = TableProjector(Customer)

    @customers.on(OrderPlaced, type="com.shop.order.placed", version=3, key=lambda o: o.customer_id)
    def placed(row: Customer | None, event: Event[OrderPlaced]) -> Customer | None:
        return row

    @customers.on("seen")
    def seen(row: Customer | None, event: Event) -> Customer | None:
        return row

    assert customers.handles == {"com.shop.order.placed": 3, "seen": 1}
    short = upcaster("com.shop.order.placed", 1)(dict)
    with pytest.raises(Misconfigured, match="the projector handles version 3"):
        Upcasting([short], customers.handles)


def test_a_test_is_given_rows_of_the_type_and_names_events_by_their_data() -> None:
    customers = TableProjector(Customer)

    @customers.on(OrderPlaced, type="com.shop.order.placed", key=lambda order: order.customer_id)
    def placed(row: Customer | None, event: Event[OrderPlaced]) -> Customer:
        return Customer(event.data.customer_id, 1, event.data.total)

    rows = project(customers, OrderPlaced("ada", Decimal(5)), OrderPlaced("bob", Decimal(2)))
    assert rows == [Customer("ada", 1, Decimal(5)), Customer("bob", 1, Decimal(2))]
    assert customers.type_of(OrderPlaced) == "com.shop.order.placed"
    assert customers.type_of(Moved) is None
    assert made().type_of(OrderPlaced) == "OrderPlaced"


def test_data_of_two_types_of_event_names_neither() -> None:
    customers = made()

    @customers.on(OrderPlaced, type="again", key=lambda order: order.customer_id)
    def again(event: Event[OrderPlaced]) -> None: ...

    assert customers.type_of(OrderPlaced) is None


def test_the_decorator_returns_the_function_itself() -> None:
    customers = TableProjector(Customer)

    def seen(row: Customer | None, event: Event) -> Customer | None:
        return row

    assert customers.on("seen")(seen) is seen


# Folding is the same however the log is cut.

Happened = st.tuples(
    st.sampled_from(
        ["OrderPlaced", "customer.erased", "customer.imported", "customer.purged", "seen"]
    ),
    st.sampled_from("abc"),
    st.integers(0, 9),
)


def straight(happened: list[tuple[str, str, int]]) -> list[tuple[str, int, Decimal]]:
    """The rows, one event at a time, as anybody would write it."""
    rows: dict[str, tuple[int, int]] = {}
    for kind, who, total in happened:
        if kind == "OrderPlaced":
            orders, spent = rows.get(who, (0, 0))
            rows[who] = (orders + 1, spent + total)
        elif kind == "customer.imported":
            rows[who] = (10, 100)
        elif kind != "seen":
            rows.pop(who, None)
    return sorted((who, orders, Decimal(spent)) for who, (orders, spent) in rows.items())


@given(st.lists(Happened, max_size=30), st.lists(st.integers(1, 6), min_size=1, max_size=5))
def test_any_split_into_batches_gives_the_same_rows(
    happened: list[tuple[str, str, int]], sizes: list[int]
) -> None:
    for size in (*sizes, 500):
        room = Room(made(), batch_size=size)
        for kind, who, total in happened:
            room.told(kind, {"customer_id": who, "total": total}, aggregate_id=who)
        assert room.rows() == straight(happened)


def test_a_forgotten_return_deletes_no_row_and_is_named() -> None:
    customers = TableProjector(Customer)

    @customers.on("seen")
    def seen(row: Customer | None, event: Event) -> Customer:  # type: ignore[return]
        replace(row or Customer(event.aggregate_id), orders=1)

    with pytest.raises(ApplyFailed, match=r"seen .* returned None, and is declared to return"):
        Room(customers).told("seen", aggregate_id="ada").rows()


def test_on_without_what_it_is_for_is_refused() -> None:
    customers = TableProjector(Customer)

    with pytest.raises(Misconfigured, match="on was given the function seen: say first"):

        @customers.on  # type: ignore[call-overload]
        def seen(row: Customer | None, event: Event) -> Customer | None:
            return row


@dataclass(frozen=True)
class Hour:
    begins: Annotated[datetime, PRIMARY_KEY]
    count: int


def test_the_hour_that_comes_twice_in_autumn_is_two_rows_and_loses_no_update() -> None:
    hours = TableProjector(Hour)
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 2, tzinfo=berlin)

    @hours.on("first", key=lambda event: first)
    def one(row: Hour | None, event: Event) -> Hour:
        return Hour(first, (row.count if row else 0) + 1)

    room = Room(hours, batch_size=1)
    for _ in range(3):
        room.told("first")
    assert room.rows() == [(datetime(2026, 10, 25, 0, tzinfo=UTC), 3)]
