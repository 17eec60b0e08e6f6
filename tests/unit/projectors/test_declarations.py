"""What does not fit is refused where it is declared, by the function's name, file and line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial, wraps
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, NewType
from uuid import UUID

import msgspec
import pytest

from consumer import Event, Misconfigured
from projectors import PRIMARY_KEY, TableProjector
from tests.unit.projectors.rooms import Recording, batch, event

if TYPE_CHECKING:
    from consumer import Event as Fact


class Fact_(msgspec.Struct):  # noqa: N801 - what it is the base of has the better name
    customer_id: str


class OrderPlaced(Fact_):
    pass


class Other(msgspec.Struct):
    pass


@dataclass
class Customer:
    customer_id: Annotated[str, PRIMARY_KEY]


@dataclass
class Account:
    owner: Annotated[UUID, PRIMARY_KEY]


@dataclass
class Line:
    order_id: Annotated[str, PRIMARY_KEY]
    number: Annotated[int, PRIMARY_KEY]


def untyped(row, event):  # type: ignore[no-untyped-def]
    return row


def half_typed(row: Customer | None, event):  # type: ignore[no-untyped-def]
    return row


def no_return(row: Customer | None, event: Event[OrderPlaced]):  # type: ignore[no-untyped-def]
    return row


def not_none(row: Customer, event: Event[OrderPlaced]) -> Customer:
    return row


def other_row(row: Account | None, event: Event[OrderPlaced]) -> Account | None:
    return row


def returns_other(row: Customer | None, event: Event[OrderPlaced]) -> Customer | str:
    return ""


def other_event(row: Customer | None, event: Event[Other]) -> Customer | None:
    return row


def no_event(row: Customer | None, event: OrderPlaced) -> Customer | None:
    return row


def nothing() -> Customer | None:
    return None


def three(row: Customer | None, event: Event[OrderPlaced], more: int = 0) -> Customer | None:
    return row


def four(row: Customer | None, event: Event[OrderPlaced], key: str, more: int) -> Customer | None:
    return row


def untyped_key(row: Customer | None, event: Event[OrderPlaced], key) -> Customer | None:  # type: ignore[no-untyped-def]
    return row


def any_number(*parts: Any) -> Customer | None:
    return None


def by_name(row: Customer | None, *, event: Event[OrderPlaced]) -> Customer | None:
    return row


async def waits(row: Customer | None, event: Event[OrderPlaced]) -> Customer | None:
    return row


def yields(row: Customer | None, event: Event[OrderPlaced]) -> Iterator[Customer | None]:
    yield row


async def waits_and_yields(row: Customer | None, event: Event[OrderPlaced]) -> AsyncIterator[None]:
    yield


def unknown(row: Customer | None, event: Fact[OrderPlaced]) -> Customer | None:
    return row


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (untyped, "row has no type; event has no type; what it returns has no type"),
        (half_typed, "event has no type"),
        (no_return, "what it returns has no type"),
        (not_none, "row is Customer, and the rows are Customer | None"),
        (other_row, "row is Account | None, and the rows are Customer | None; it returns Account | None"),
        (returns_other, "it returns Customer | str, and the rows are Customer (None deletes)"),
        (other_event, "event is Event[Other], and it is given Event[OrderPlaced]"),
        (no_event, "event is OrderPlaced, and it is given Event[OrderPlaced]"),
        (nothing, "it takes (row, event), (row, event, key), or (event) alone"),
        (three, "more is int, and the key is a str"),
        (four, "it takes (row, event)"),
        (untyped_key, "key has no type"),
        (any_number, "it takes (row, event)"),
        (by_name, "it takes (row, event)"),
        (waits, "it is async"),
        (yields, "it yields"),
        (waits_and_yields, "it yields"),
        (unknown, "cannot be looked up: name 'Fact' is not defined"),
    ],
)  # fmt: skip
def test_a_function_that_does_not_fit_is_refused(function: Any, told: str) -> None:
    line = function.__code__.co_firstlineno
    with pytest.raises(Misconfigured) as raised:
        TableProjector(Customer).on(OrderPlaced)(function)
    place = f"{function.__name__} (tests/unit/projectors/test_declarations.py:{line})"
    assert place in str(raised.value)
    assert told in str(raised.value)


class Called:
    def __call__(self, event: Event) -> Customer | None:
        return None


@pytest.mark.parametrize("function", [None, "placed", Called(), partial(not_none, Customer(""))])
def test_what_is_no_function_is_refused(function: Any) -> None:
    with pytest.raises(Misconfigured, match="is no function"):
        TableProjector(Customer).on(OrderPlaced)(function)


def fits(row: Customer | None, event: Event[OrderPlaced]) -> Customer | None:
    return row


def test_a_second_function_of_the_same_type_is_refused_by_both_names() -> None:
    customers = TableProjector(Customer)
    customers.on(OrderPlaced)(fits)
    with pytest.raises(Misconfigured) as raised:

        @customers.on("OrderPlaced")
        def again(event: Event) -> None: ...

    assert str(raised.value).startswith("again (tests/unit/")
    assert "is declared on OrderPlaced, and fits (tests/unit/" in str(raised.value)


@pytest.mark.parametrize("row_type", [Account, Line])
def test_the_aggregate_id_is_the_key_of_one_text_alone(row_type: Any) -> None:
    with pytest.raises(Misconfigured, match=r"gone .* names no key, and the aggregate id is a str"):

        @TableProjector(row_type).on("gone")
        def gone(event: Event) -> None: ...


def declare(*given: Any, **more: Any) -> None:
    def placed(event: Event) -> None: ...

    TableProjector(Customer).on(*given, **more)(placed)


@pytest.mark.parametrize(
    ("given", "more", "told"),
    [
        (OrderPlaced, {"key": len, "keys": list}, "has key= and keys=: keep one"),
        (
            OrderPlaced,
            {"key": "customer_id"},
            r"the key= of placed \(.*\) is 'customer_id': make it a function",
        ),
        (OrderPlaced, {"key": lambda: "a"}, r"the key= of placed \(.*\) is a plain function of"),
        (OrderPlaced, {"keys": lambda a, b, c: "a"}, "the keys= of placed"),
        ("order.placed", {"key": lambda data, event: "a"}, r"is a plain function of \(event\)"),
        ("order.placed", {"type": "OrderPlaced"}, "names its type of event twice"),
        ("", {}, "is no text"),
        (OrderPlaced, {"type": 7}, "is no text"),
        (OrderPlaced, {"version": 0}, "the version of placed .* is 0"),
        (OrderPlaced, {"version": "2"}, "a schema version is 1 or more"),
        (dict, {}, "does not tell the type of event: name it"),
        (dict[str, int], {}, "does not tell the type of event"),
        (int | str, {}, "does not tell the type of event"),
        (7, {}, "does not tell the type of event"),
        (type, {"type": "x"}, "cannot be decoded"),
    ],
)
def test_what_contradicts_itself_is_refused(given: Any, more: dict[str, Any], told: str) -> None:
    with pytest.raises(Misconfigured, match=told):
        declare(given, **more)


async def coroutine_key(order: OrderPlaced) -> str:
    return order.customer_id


def test_a_key_of_a_coroutine_is_refused() -> None:
    with pytest.raises(Misconfigured, match="is a plain function of"):
        declare(OrderPlaced, key=coroutine_key)


# What fits.


def wide(row: Customer | None, event: Event[OrderPlaced | Other]) -> Customer | None:
    return row


def base(row: Customer | None, event: Event[Fact_]) -> Customer | None:
    return row


def anything(row: Customer | None, event: Event[Any]) -> Customer:
    return row or Customer("")


def of_object(row: Customer | None, event: Event[object]) -> Customer | None:
    return row


def bare(row: Customer | None, event: Event) -> Customer | None:
    return row


CustomerId = NewType("CustomerId", str)


def keyed(row: Customer | None, event: Event[OrderPlaced], key: str) -> Customer:
    return Customer(key)


def keyed_by_new_type(row: Customer | None, event: Event[OrderPlaced], key: CustomerId) -> Customer:
    return Customer(key)


@pytest.mark.parametrize(
    "function", [fits, wide, base, anything, of_object, bare, keyed, keyed_by_new_type]
)
def test_what_type_checkers_accept_is_accepted(function: Callable[..., Any]) -> None:
    TableProjector(Customer).on(OrderPlaced)(function)


def test_a_key_of_several_parts_is_a_tuple() -> None:
    lines = TableProjector(Line)

    @lines.on("a", key=lambda event: (event.aggregate_id, 1))
    def right(row: Line | None, event: Event, key: tuple[str, int]) -> Line:
        return Line(*key)

    with pytest.raises(Misconfigured, match="key is str, and the key is a tuple"):

        @lines.on("b", key=lambda event: (event.aggregate_id, 1))  # type: ignore[arg-type]
        def wrong(row: Line | None, event: Event, key: str) -> Line | None:
            return row


def test_a_function_that_is_wrapped_is_looked_at_inside() -> None:
    def counted(function: Any) -> Any:
        @wraps(function)
        def inner(*given: Any) -> Any:
            return function(*given)

        return inner

    TableProjector(Customer).on(OrderPlaced)(counted(fits))
    with pytest.raises(Misconfigured, match=r"waits \(.*it is async"):
        TableProjector(Customer).on(OrderPlaced)(counted(waits))


def test_what_is_declared_inside_a_function_is_found() -> None:
    @dataclass
    class Local:
        id: Annotated[str, PRIMARY_KEY]

    class Happened(msgspec.Struct):
        id: str

    projector = TableProjector(Local)

    @projector.on(Happened, key=attrgetter("id"))
    def happened(event: Event[Happened]) -> Local:
        return Local(event.data.id)

    transaction = Recording()
    projector.project(batch(event("Happened", {"id": "a"})), transaction)
    assert transaction.writes == [([("a",)], [])]


def test_plain_types_of_data_are_decoded_too() -> None:
    projector = TableProjector(Customer)

    @projector.on(dict[str, str], type="happened", key=lambda data: data["id"])
    def happened(event: Event[dict[str, str]]) -> Customer:
        return Customer(event.data["id"])

    transaction = Recording()
    projector.project(batch(event("happened", {"id": "a"})), transaction)
    assert transaction.writes == [([("a",)], [])]
