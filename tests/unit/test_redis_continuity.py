"""Whether a trimmed stream still holds all that was not applied: arithmetic without a server."""

from __future__ import annotations

from consumer.adapters.redis.continuity import follows, what_is_missing
from consumer.adapters.redis.extents import Extent
from consumer.adapters.redis.ids import ZERO, offset_of
from consumer.model.position import StreamOffset


def at(text: str) -> StreamOffset:
    return offset_of(text.encode())


def stream(*ids: int, last_added: int, added: int | None) -> Extent:
    """A stream that holds entries `ids`-0."""
    first = at(f"{ids[0]}-0") if ids else None
    last = at(f"{ids[-1]}-0") if ids else None
    return Extent(len(ids), at(f"{last_added}-0"), first, last, added)


def test_nothing_fits_between_an_offset_and_its_own_entry_or_the_very_next_id() -> None:
    assert follows(at("5-0"), at("5-0"))
    assert follows(at("5-0"), at("5-1"))
    assert follows(at("4-18446744073709551615"), at("5-0"))
    assert follows(ZERO, at("0-1"))


def test_anything_may_have_been_between_an_offset_and_a_later_id() -> None:
    assert not follows(at("5-0"), at("5-2"))
    assert not follows(at("5-0"), at("6-0"))
    assert not follows(ZERO, at("1-0"))


SEVEN = at("7-0")


def test_where_nothing_was_added_behind_the_offset_nothing_is_missing() -> None:
    assert what_is_missing(SEVEN, None, stream(last_added=7, added=7)) is None
    assert what_is_missing(SEVEN, None, stream(last_added=7, added=None)) is None


def test_a_trim_that_took_what_was_applied_and_no_more_loses_nothing() -> None:
    assert what_is_missing(SEVEN, 7, stream(8, 9, last_added=9, added=9)) is None


def test_a_trim_that_took_one_more_loses_it() -> None:
    missing = what_is_missing(SEVEN, 7, stream(9, last_added=9, added=9))
    assert missing is not None
    assert "9-0 to 9-0" in missing


def test_a_trim_that_took_everything_loses_what_was_behind() -> None:
    missing = what_is_missing(SEVEN, 7, stream(last_added=9, added=9))
    assert missing is not None
    assert "empty" in missing


def test_what_nobody_counted_may_be_lost() -> None:
    assert what_is_missing(SEVEN, None, stream(8, 9, last_added=9, added=9))


def test_an_entry_deleted_by_itself_loses_nothing_while_earlier_ones_are_there() -> None:
    assert what_is_missing(SEVEN, 7, stream(5, 6, 8, last_added=8, added=8)) is None


def test_a_server_that_does_not_count_cannot_tell() -> None:
    missing = what_is_missing(SEVEN, 7, stream(8, 9, last_added=9, added=None))
    assert missing is not None
    assert "8-0 to 9-0" in missing


def test_a_stream_that_is_gone_lost_what_was_not_applied() -> None:
    assert what_is_missing(SEVEN, 7, None) == "the stream is gone"
    assert what_is_missing(ZERO, 0, None) is None


def test_a_stream_whose_last_entry_is_below_the_offset_is_another_one() -> None:
    missing = what_is_missing(SEVEN, 7, stream(1, 2, last_added=2, added=2))
    assert missing is not None
    assert "anew" in missing


def test_a_stream_made_anew_with_higher_ids_is_no_trimmed_one() -> None:
    assert what_is_missing(SEVEN, 7, stream(8, 9, last_added=9, added=2))
    assert what_is_missing(SEVEN, 2, stream(8, 9, 10, last_added=10, added=3))


def test_from_the_zero_on_nothing_may_have_been_removed() -> None:
    assert what_is_missing(ZERO, 0, stream(1, 2, last_added=2, added=2)) is None
    assert what_is_missing(ZERO, 0, stream(2, last_added=2, added=2))


def test_from_the_zero_on_a_server_that_does_not_count_is_believed() -> None:
    assert what_is_missing(ZERO, 0, stream(2, last_added=2, added=None)) is None
