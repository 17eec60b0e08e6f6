"""The vector of a projection's offsets."""

from __future__ import annotations

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.model.position import IntOffset, Partition, StreamOffset
from consumer.model.vector import Offsets

P0, P1 = Partition("orders", 0), Partition("orders", 1)
PLACES = st.builds(Partition, st.text(min_size=1), st.integers(0, 2**31))
COUNTED = st.dictionaries(PLACES, st.integers(-1, 2**63).map(IntOffset), max_size=4).map(Offsets)
STREAMED = st.dictionaries(
    PLACES, st.builds(StreamOffset, st.integers(0, 2**64), st.integers(0, 2**64)), max_size=4
).map(Offsets)
#: So small that they meet.
NEAR = st.dictionaries(
    st.sampled_from([P0, P1]), st.integers(-1, 1).map(IntOffset)
).map(Offsets)  # fmt: skip


def counted(*values: int) -> Offsets:
    return Offsets({Partition("orders", i): IntOffset(value) for i, value in enumerate(values)})


def test_two_kinds_of_offset_neither_make_a_vector_nor_compare() -> None:
    with pytest.raises(TypeError, match="IntOffset and StreamOffset"):
        Offsets({P0: IntOffset(1), P1: StreamOffset(1, 0)})
    # Without a partition in common they are still of two kinds of log.
    ours, theirs = Offsets({P0: IntOffset(1)}), Offsets({P1: StreamOffset(1, 0)})
    for compare in (operator.le, operator.ge, operator.lt, operator.gt):
        with pytest.raises(TypeError, match="no order"):
            compare(ours, theirs)
    assert ours != theirs


def test_a_vector_is_not_compared_with_what_is_none() -> None:
    with pytest.raises(TypeError):
        assert counted(1) <= {P0: IntOffset(1)}  # type: ignore[operator]


@pytest.mark.parametrize(
    "text",
    ["orders/0", "orders/0=", "=1", "orders=1", "orders/0=x", "orders/0=1,", ",", "orders/0=1,orders/0=2"],
)  # fmt: skip
def test_what_is_no_vector_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Offsets.parse(text)


@given(st.one_of(COUNTED, STREAMED))
def test_a_vector_reads_back_what_it_prints(offsets: Offsets) -> None:
    assert Offsets.parse(str(offsets)) == offsets


def test_a_vector_prints_its_places_in_order() -> None:
    assert str(Offsets({P1: IntOffset(7), P0: IntOffset(41)})) == "orders/0=41,orders/1=7"
    assert str(Offsets({})) == ""
    assert repr(counted(1)) == "<Offsets orders/0=1>"


def test_a_vector_is_at_most_another_where_no_partition_is_further() -> None:
    assert counted(1, 2) <= counted(1, 3)
    assert counted(1, 2) < counted(1, 3)
    assert not counted(1, 2) < counted(1, 2)
    assert counted(2, 3) >= counted(1, 3)
    assert counted(2, 3) > counted(1, 3)
    assert not counted(1, 3) <= counted(3, 1)
    assert not counted(3, 1) <= counted(1, 3)


def test_a_partition_that_a_vector_does_not_have_is_at_its_zero_there() -> None:
    assert counted(5) <= counted(5, 0)
    assert not counted(5, 0) <= counted(5)
    assert counted(5, -1) <= counted(5)
    assert Offsets({}) <= Offsets({P0: StreamOffset(0, 1)})


@given(NEAR, NEAR, NEAR)
def test_the_order_is_one(a: Offsets, b: Offsets, c: Offsets) -> None:
    assert a <= a  # noqa: PLR0124  # that is the point
    assert not (a <= b <= c) or a <= c
    assert (a < b) == (a <= b and not b <= a)
    assert a.zero <= a


def test_a_vector_is_zero_where_no_partition_has_come_past_its_zero() -> None:
    assert Offsets({}).is_zero
    assert counted(-1, -1).is_zero
    assert not counted(-1, 0).is_zero
    assert counted(4, 5).zero == counted(-1, -1)


def test_a_vector_is_a_mapping_that_never_changes() -> None:
    source = {P1: IntOffset(7), P0: IntOffset(41)}
    offsets = Offsets(source)
    source[P0] = IntOffset(0)
    assert offsets[P0] == IntOffset(41)
    assert list(offsets) == [P0, P1]
    assert len(offsets) == 2
    assert offsets == Offsets({P0: IntOffset(41), P1: IntOffset(7)})
    assert len({offsets, Offsets(offsets)}) == 1
