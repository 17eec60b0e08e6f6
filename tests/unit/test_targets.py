"""Where a checkpoint is put, so that a worker reads on from what was asked for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from consumer.engine.targets import Target, aimed
from consumer.errors import Misconfigured
from consumer.model.position import IntOffset, Offset, Partition, StreamOffset
from consumer.model.start import BEGINNING, Start
from tests.unit.listed_log import ListedLog, counted

ORDERS = Partition("orders", 0)
S = StreamOffset
STREAM = [S(5, 1), S(7, 0), S(7, 1), S(7, 3), S(7, 9), S(9, 0)]


def aim(offsets: list[Offset], target: Target, *, first: int = 0) -> Offset:
    log = ListedLog({ORDERS: offsets}, first=first)
    return aimed(log, ORDERS, target, log.ends()[ORDERS])


@pytest.mark.parametrize(
    ("target", "through"),
    [
        (BEGINNING, -1),
        (Start("end"), 9),
        (Start("time", time=datetime.fromtimestamp(4, UTC)), 3),
        (IntOffset(0), -1),
        (IntOffset(4), 3),
        (IntOffset(9), 8),
        (IntOffset(10), 9),
    ],
)
def test_the_event_that_was_named_is_the_first_to_be_read(target: Target, through: int) -> None:
    assert aim(counted(10), target) == IntOffset(through)


@pytest.mark.parametrize("value", [-1, 11, 2**63])
def test_a_target_beyond_the_log_is_refused_with_what_there_is(value: int) -> None:
    with pytest.raises(Misconfigured) as refused:
        aim(counted(10), IntOffset(value))

    assert str(refused.value) == f"{value} is not in orders/0: it holds 0 to 9; next is 10"


def test_what_retention_took_is_refused_with_what_is_left() -> None:
    with pytest.raises(Misconfigured, match="3 is not in orders/0: it holds 4 to 9; next is 10"):
        aim(counted(10, first=4), IntOffset(3), first=4)

    assert aim(counted(10, first=4), IntOffset(4), first=4) == IntOffset(3)


def test_an_empty_log_takes_its_one_place_alone() -> None:
    assert aim([], IntOffset(0)) == IntOffset(-1)
    with pytest.raises(Misconfigured, match="1 is not in orders/0: it holds no event; next is 0"):
        aim([], IntOffset(1))


@pytest.mark.parametrize(
    ("offsets", "target", "example"),
    [(counted(3), S(5, 0), "42"), (STREAM, IntOffset(5), "1526919030474-0")],
)
def test_an_offset_of_another_kind_is_refused_with_an_example(
    offsets: list[Offset], target: Offset, example: str
) -> None:
    with pytest.raises(
        Misconfigured, match=rf"no offsets like {target}: write one as in {example}"
    ):
        aim(offsets, target)


@pytest.mark.parametrize(
    ("target", "first_read"),
    [
        (S(5, 1), S(5, 1)),
        (S(0, 1), S(5, 1)),  # nobody wrote before
        (S(6, 0), S(7, 0)),  # between two entries
        (S(7, 2), S(7, 3)),  # within a millisecond
        (S(7, 10), S(9, 0)),
        (S(9, 0), S(9, 0)),
    ],
)
def test_in_a_stream_the_place_is_right_below_an_entry(target: Offset, first_read: Offset) -> None:
    assert aim(list(STREAM), target) == first_read.previous


def test_right_behind_the_last_entry_of_a_stream_is_its_end() -> None:
    assert aim(list(STREAM), S(9, 1)) == S(9, 0)
    with pytest.raises(Misconfigured, match="9-2 is not in orders/0: it holds 0-1 to 9-0"):
        aim(list(STREAM), S(9, 2))


def test_ids_that_are_no_times_are_found_too() -> None:
    huge = [S(2**63, 1), S(2**63, 5)]

    assert aim([S(1, 0), *huge], S(2**63, 2)) == S(2**63, 4)
