"""Changes of a table elsewhere, as a projector takes them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

import msgspec
import pytest

from consumer import Event
from consumer.testing import event, project
from projectors import PRIMARY_KEY, Change, TableProjector


class AccountRow(msgspec.Struct, frozen=True):
    id: int
    balance: Decimal


@dataclass(frozen=True)
class Account:
    account_id: Annotated[int, PRIMARY_KEY]
    balance: Decimal


accounts = TableProjector(Account)


@accounts.on(Change[AccountRow], type="public.accounts", key=lambda change: change.row.id)
def changed(event: Event[Change[AccountRow]]) -> Account | None:
    after = event.data.after
    return None if after is None else Account(after.id, after.balance)


FIRST, SECOND = AccountRow(1, Decimal(5)), AccountRow(1, Decimal(7))


def test_one_function_takes_all_that_becomes_of_a_row() -> None:
    made = [Change("read", after=FIRST), Change("update", before=FIRST, after=SECOND)]
    assert project(accounts, *made) == [Account(1, Decimal(7))]
    assert project(accounts, *made, Change("delete", before=SECOND)) == []


def test_plain_data_is_taken_as_it_comes_from_a_topic() -> None:
    data = {"op": "create", "before": None, "after": {"id": 1, "balance": "0.10", "more": 7}}
    assert project(accounts, event("public.accounts", data)) == [Account(1, Decimal("0.10"))]


def test_the_row_is_what_is_there_now_else_what_was_there() -> None:
    assert Change("update", FIRST, SECOND).row is SECOND
    assert Change("delete", before=FIRST).row is FIRST


def test_a_change_of_no_row_says_so() -> None:
    with pytest.raises(LookupError, match="a truncate has neither before nor after"):
        _ = Change[AccountRow]("truncate").row
