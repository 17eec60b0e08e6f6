"""The checks let through what is right, and find each way of going wrong."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import pytest

from consumer import ApplyFailed, Batch, Misconfigured, Transaction
from consumer.testing import assert_idempotent, assert_order_kept
from tests.unit.testing.sums import (
    Adding,
    Counts,
    Flipping,
    Forgetful,
    OfBatches,
    OrderCancelled,
    OrderPlaced,
    Own,
    Sums,
    Waiting,
    WithoutReset,
)

ADA, BOB = OrderPlaced("ada", Decimal(1)), OrderPlaced("bob", Decimal(5))
EVENTS = (ADA, BOB, OrderCancelled("ada"), ADA, ADA)


def store(own: Any) -> dict[str, object]:
    return dict(own.store)


@pytest.mark.parametrize("projector", [Sums(), Sums, Counts()])
def test_a_fold_in_a_read_model_is_idempotent_and_keeps_the_order(projector: Any) -> None:
    assert_idempotent(projector, *EVENTS)
    assert_order_kept(projector, *EVENTS)


@pytest.mark.parametrize("projector", [Own(), Own, Waiting()])
def test_so_is_an_upsert_of_ones_own(projector: Any) -> None:
    assert_idempotent(projector, *EVENTS, rows=store)
    assert_order_kept(projector, *EVENTS, rows=store)


def test_without_events_there_is_nothing_to_find() -> None:
    assert_idempotent(Sums())
    assert_order_kept(Sums())


def test_a_count_that_repeats_is_found_with_the_row() -> None:
    with pytest.raises(AssertionError) as found:
        assert_idempotent(Adding(), ADA, BOB, rows=lambda own: sorted(own.store.items()))

    assert str(found.value) == (
        "own is not idempotent: the events from number 2 on were applied again, as after a lost commit, and "
        "the rows changed\n"
        "row 1\n"
        "  applied once : ('bob', 1)\n"
        "  applied again: ('bob', 2)"
    )


def test_what_goes_wrong_only_from_the_middle_on_is_found() -> None:
    with pytest.raises(AssertionError, match="number 2 on were applied again"):
        assert_idempotent(Flipping(), ADA, OrderCancelled("ada"), rows=store)


def test_what_a_projector_keeps_of_a_transaction_that_was_taken_back_is_found() -> None:
    with pytest.raises(AssertionError) as found:
        assert_idempotent(Forgetful, ADA, BOB)

    assert "counts is not idempotent: each batch was projected twice" in str(found.value)
    assert "projected once : {'type': 'all', 'count': 2}" in str(found.value)
    assert "projected twice: {'type': 'all', 'count': 4}" in str(found.value)


def test_rows_that_depend_on_the_batches_are_found_with_the_split() -> None:
    with pytest.raises(AssertionError) as found:
        assert_order_kept(OfBatches(), ADA, BOB)

    assert str(found.value) == (
        "the rows depend on how the events fall into batches\n"
        "row 0\n"
        "  in batches of 1: {'type': 'all', 'count': 2}\n"
        "  in batches of 2: {'type': 'all', 'count': 1}"
    )


class OfOne(Counts):
    """Wrong only where a batch of three comes behind one of one."""

    tables = Counts.tables[:1]

    def project(self, batch: Batch, transaction: Transaction) -> None:
        before = transaction.load(self.tables[0], [("all",)]).get(("all",), ("all", 0))
        wrong = before[1] == 1 and len(batch) == 3
        transaction.write(self.tables[0], [("all", before[1] + len(batch) + wrong)])


def test_hypothesis_finds_the_split_that_nobody_thought_of() -> None:
    with pytest.raises(AssertionError, match="in batches of 1, 3"):
        assert_order_kept(OfOne(), ADA, ADA, ADA, ADA)


def test_without_hypothesis_the_other_splits_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)

    assert_order_kept(OfOne(), ADA, ADA, ADA, ADA)
    with pytest.raises(AssertionError):
        assert_order_kept(OfBatches(), ADA, ADA, ADA, ADA)


def test_a_row_that_is_missing_is_told() -> None:
    class Losing(Sums):
        def project(self, batch: Batch, transaction: Transaction) -> None:
            if len(batch) == 1:
                super().project(batch, transaction)

    with pytest.raises(AssertionError, match=r"in batches of 1: Sum\(.*\n.*2: 'no such row'"):
        assert_order_kept(Losing(), ADA, BOB)


def test_of_several_tables_the_one_that_differs_is_named() -> None:
    class Two(OfBatches):
        tables = Counts.tables

    with pytest.raises(AssertionError, match="row 0 of counts"):
        assert_order_kept(Two(), ADA, BOB)


def test_an_error_tells_in_which_batches_it_came() -> None:
    class NotTwo(Sums):
        def project(self, batch: Batch, transaction: Transaction) -> None:
            if len(batch) == 2:
                raise ZeroDivisionError

    with pytest.raises(ApplyFailed) as failed:
        assert_order_kept(NotTwo(), ADA, BOB, ADA)
    assert failed.value.__notes__ == ["The events were applied in batches of 2, 1."]


def test_a_projector_that_cannot_be_emptied_is_asked_for_what_makes_one() -> None:
    with pytest.raises(Misconfigured, match="without-reset writes by itself and cannot be emptied"):
        assert_order_kept(WithoutReset(), ADA, rows=lambda _: [])

    assert_order_kept(WithoutReset, ADA, rows=lambda _: [])


def test_one_that_can_is_emptied_before_each_replay() -> None:
    counting = Adding()

    assert_order_kept(counting, *EVENTS, rows=store)

    assert counting.store == {"ada": 4, "bob": 1}


def test_the_size_of_the_batches_is_its_own_to_choose() -> None:
    with pytest.raises(TypeError, match="chooses the sizes of the batches itself"):
        assert_order_kept(Sums(), ADA, batch_size=2)


def test_of_many_events_a_few_places_are_enough() -> None:
    assert_idempotent(Own(), *[ADA] * 1000, rows=store)
    with pytest.raises(AssertionError):
        assert_idempotent(Adding(), *[ADA] * 1000, rows=store)
