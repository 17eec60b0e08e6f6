"""What type checkers refuse: above each wrong line stands what mypy says of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

import msgspec

from consumer import Event
from projectors import PRIMARY_KEY, Change, LatestState, TableProjector


class OrderPlaced(msgspec.Struct, frozen=True):
    customer_id: str
    coupon: str | None = None


class Other(msgspec.Struct, frozen=True):
    pass


@dataclass(frozen=True)
class Customer:
    customer_id: Annotated[str, PRIMARY_KEY]


@dataclass(frozen=True)
class Account:
    account_id: Annotated[str, PRIMARY_KEY]


customers = TableProjector(Customer)
# E: Unexpected keyword argument "tabel"
TableProjector(Customer, tabel="x")
# E: List item 0 has incompatible type "int"
TableProjector(Customer, indexes=[7])
# E: Argument 1 to "TableProjector" has incompatible type "Customer"
TableProjector(Customer("ada"))


# E: "OrderPlaced" has no attribute "custmer_id"
@customers.on(OrderPlaced, key=lambda order: order.custmer_id)
def typo(row: Customer | None, event: Event[OrderPlaced]) -> Customer | None:
    return row


# E: Value of type variable "K" of "on" of "TableProjector" cannot be "str | None"
@customers.on(OrderPlaced, key=lambda order: order.coupon)
def no_key(row: Customer | None, event: Event[OrderPlaced]) -> Customer | None:
    return row


# E: Value of type variable "K" of "on" of "TableProjector" cannot be "str | None"
@customers.on(OrderPlaced, keys=lambda order: [order.coupon])
def no_keys(row: Customer | None, event: Event[OrderPlaced]) -> Customer | None:
    return row


# E: Cannot infer type of lambda
@customers.on(OrderPlaced, key=lambda: "ada")
def no_parameter(row: Customer | None, event: Event[OrderPlaced]) -> Customer | None:
    return row


# E: "Event[Any]" has no attribute "agregate_id"
@customers.on("order.deleted", key=lambda event: event.agregate_id)
def typo_of_event(row: Customer | None, event: Event) -> Customer | None:
    return row


# E: No overload variant of "on"
@customers.on(OrderPlaced, key=len, keys=list)
def both(row: Customer | None, event: Event[OrderPlaced]) -> Customer | None:
    return row


# E: No overload variant of "on"
@customers.on("order.deleted", type="order.deleted")
def twice(row: Customer | None, event: Event) -> Customer | None:
    return row


# E: No overload variant of "on"
@customers.on(OrderPlaced, version="2")
def version(row: Customer | None, event: Event[OrderPlaced]) -> Customer | None:
    return row


# E: incompatible type "Callable[[Customer, Event[OrderPlaced]], Customer]"
@customers.on(OrderPlaced)
def never_none(row: Customer, event: Event[OrderPlaced]) -> Customer:
    return row


# E: incompatible type "Callable[[Account | None, Event[OrderPlaced]], Account | None]"
@customers.on(OrderPlaced)
def other_row(row: Account | None, event: Event[OrderPlaced]) -> Account | None:
    return row


# E: incompatible type "Callable[[Customer | None, Event[OrderPlaced]], str]"
@customers.on(OrderPlaced)
def other_result(row: Customer | None, event: Event[OrderPlaced]) -> str:
    return ""


# E: incompatible type "Callable[[Customer | None, Event[Other]], Customer | None]"
@customers.on(OrderPlaced)
def other_event(row: Customer | None, event: Event[Other]) -> Customer | None:
    return row


# E: incompatible type "Callable[[Event[Other]], Customer]"
@customers.on(OrderPlaced)
def other_event_alone(event: Event[Other]) -> Customer:
    return Customer("")


# E: incompatible type "Callable[[Customer | None, Event[OrderPlaced]], Coroutine[Any, Any, Customer | None]]"
@customers.on(OrderPlaced)
async def waits(row: Customer | None, event: Event[OrderPlaced]) -> Customer | None:
    return row


# E: incompatible type "Callable[[Customer | None, Event[OrderPlaced], int], Customer | None]"
@customers.on(OrderPlaced)
def three(row: Customer | None, event: Event[OrderPlaced], more: int) -> Customer | None:
    return row


# E: incompatible type "Callable[[Customer | None, Event[OrderPlaced], int], Customer | None]"
@customers.on(OrderPlaced, keys=lambda order: [order.customer_id])
def other_key(row: Customer | None, event: Event[OrderPlaced], key: int) -> Customer | None:
    return row


@customers.on(OrderPlaced, key=lambda order: order.customer_id)
def placed(row: Customer | None, event: Event[OrderPlaced]) -> Customer:
    # E: "OrderPlaced" has no attribute "customerid"
    return Customer(event.data.customerid)


# E: "Other" has no attribute "id"
@customers.on(Change[Other], type="public.others", key=lambda change: change.row.id)
def changed(event: Event[Change[Other]]) -> Customer | None:
    # E: Item "None" of "Other | None" has no attribute "id"
    return Customer(event.data.after.id)


def tested(event: Event[OrderPlaced], other: Event[Other]) -> None:
    # E: Argument 1 to "__call__" of "OfRow" has incompatible type "str"; expected "Customer | None"
    placed("ada", event)
    # E: Argument 2 to "__call__" of "OfRow" has incompatible type "Event[Other]"
    placed(None, other)
    # E: Argument 1 to "Decimal" has incompatible type "Customer"
    Decimal(placed(None, event))


# E: Unexpected keyword argument "tabel"
LatestState(tabel="x")
