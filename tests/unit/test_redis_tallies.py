"""What a group is told to have read, and what counting tells: arithmetic without a server."""

from __future__ import annotations

from consumer.adapters.redis.counting import Behind
from consumer.adapters.redis.extents import Extent, Group
from consumer.adapters.redis.groups import Place
from consumer.adapters.redis.ids import ZERO
from consumer.adapters.redis.tallies import Tally
from consumer.model.position import StreamOffset


def at(value: int) -> StreamOffset:
    return StreamOffset(value, 0)


def stream(
    first: int,
    last: int,
    *,
    length: int | None = None,
    added: int | None = None,
    deleted: int = 0,
    groups: tuple[Group, ...] = (),
) -> Extent:
    """Entries `first`-0 to `last`-0, of as many as `last` ever added, unless told otherwise."""
    there = last - first + 1 if length is None else length
    added = last if added is None else added
    return Extent(there, at(last), at(first), at(last), added, deleted=at(deleted), groups=groups)


def read(tally: Tally) -> int | None:
    return tally.place.read


def known(offset: int, extent: Extent) -> Tally:
    """A tally that its own group tells."""
    tally = Tally(at(offset))
    lag = extent.last_added.milliseconds - offset
    groups = (Group(b"g", at(offset), lag),)
    tally.saw(
        Extent(
            extent.length, extent.last_added, extent.first, extent.last, extent.added, groups=groups
        ),
        "g",
    )
    assert read(tally) == offset
    return tally


WHOLE = stream(1, 100)


# --- tallies -------------------------------------------------------------------------------------


def test_a_deletion_ahead_makes_the_number_unknown_until_it_is_found_anew() -> None:
    tally = known(10, WHOLE)
    tally.saw(stream(1, 100, length=99, deleted=15), "g")
    assert read(tally) is None
    assert tally.counting is None, "Redis would tell no lag before the gap"
    tally.handed_out(at(20), 9)
    tally.applied(at(20))
    tally.saw(stream(1, 100, length=99, deleted=15), "g")
    assert tally.counting is not None


def test_a_deletion_that_was_passed_unseen_makes_the_number_unknown() -> None:
    tally = known(10, WHOLE)
    tally.handed_out(at(20), 9)
    tally.applied(at(20))
    assert read(tally) == 19
    tally.saw(stream(1, 100, length=99, deleted=15), "g")
    assert read(tally) is None
    assert tally.counting is not None


def test_a_deletion_behind_changes_nothing() -> None:
    tally = known(10, WHOLE)
    tally.saw(stream(1, 100, length=99, deleted=10), "g")
    assert read(tally) == 10


def test_a_deletion_while_it_is_counted_begins_the_count_anew() -> None:
    tally = Tally(at(10))
    tally.saw(WHOLE, "g")
    begun = tally.counting
    assert begun is not None
    tally.handed_out(at(20), 10)
    tally.applied(at(20))
    tally.saw(stream(1, 100, length=99, deleted=12), "g")
    assert tally.counting not in (None, begun)


def test_a_count_is_added_to_what_was_applied_meanwhile() -> None:
    tally = Tally(at(10))
    tally.saw(WHOLE, "g")
    assert tally.counting is not None
    tally.handed_out(at(20), 10)
    tally.applied(at(20))
    upwards = next(each for each in tally.counting.stretches if each.sign > 0)
    upwards.take(100, 90, b"100-0", b"1-0")
    tally.counting.take()
    tally.counted()
    assert tally.place == Place(at(20), 20)
    assert tally.counting is None


def test_a_checkpoint_within_a_batch_has_no_number() -> None:
    tally = known(10, WHOLE)
    tally.handed_out(at(20), 10)
    tally.applied(at(14))
    assert tally.place == Place(at(14), None)


def test_several_batches_move_it_one_after_the_other() -> None:
    tally = known(10, WHOLE)
    tally.handed_out(at(20), 10)
    tally.handed_out(at(30), 10)
    tally.applied(at(20))
    assert tally.place == Place(at(20), 20)
    tally.applied(at(30))
    assert tally.place == Place(at(30), 30)


def test_at_the_end_and_before_the_first_entry_redis_tells_it() -> None:
    for offset, number in ((100, 100), (40, 50), (0, 50)):
        tally = Tally(at(offset))
        tally.saw(stream(51, 100), "g")
        assert read(tally) == number


def test_a_server_that_does_not_count_gives_a_place_without_a_number() -> None:
    tally = Tally(at(10))
    whole = stream(1, 100)
    tally.saw(Extent(100, whole.last_added, whole.first, whole.last, None), "g")
    assert tally.place == Place(at(10), None)
    assert tally.counting is None


def test_what_was_shown_is_due_again_once_it_moved() -> None:
    tally = known(10, WHOLE)
    due = [tally.is_due]
    tally.shown = tally.place
    due.append(tally.is_due)
    tally.handed_out(at(20), 10)
    due.append(tally.is_due)
    tally.applied(at(20))
    due.append(tally.is_due)
    assert due == [True, False, False, True]


def test_of_other_groups_nothing_is_believed() -> None:
    tally = Tally(at(10))
    tally.saw(stream(1, 100, groups=(Group(b"other", at(10), 5),)), "g")
    assert read(tally) is None


# --- counting ------------------------------------------------------------------------------------


def test_a_trim_into_what_is_still_to_be_counted_spoils_that_way_alone() -> None:
    behind = Behind(at(50), WHOLE, ())
    below, above = behind.stretches
    below.take(10, 10, b"10-0", b"1-0")
    above.take(10, 10, b"60-0", b"1-0")
    below.take(10, 10, b"30-0", b"21-0")  # 11 to 20 are gone, and nobody counted them
    above.take(10, 10, b"70-0", b"21-0")
    behind.take()
    assert behind.stretches == [above]
    assert behind.at_least == 20


def test_a_trim_of_what_was_counted_spoils_nothing() -> None:
    behind = Behind(at(15), WHOLE, ())
    below, _ = behind.stretches
    below.take(10, 10, b"10-0", b"1-0")
    below.take(10, 5, b"15-0", b"8-0")
    behind.take()
    assert behind.events == 85


def test_a_stream_that_was_emptied_leaves_no_way_and_something_to_do() -> None:
    behind = Behind(at(50), WHOLE, ())
    for each in behind.stretches:
        each.take(10, 0, b"", b"")
    behind.take()
    assert behind.events is None
    assert behind.at_least == 1
    tally = Tally(at(50))
    tally.counting = behind
    tally.counted()
    assert tally.place == Place(at(50), None)
    tally.saw(WHOLE, "g")
    assert tally.counting is not behind, "it is begun anew"


def test_what_is_known_so_far_is_a_lower_bound() -> None:
    behind = Behind(at(50), WHOLE, ())
    assert behind.at_least == 1
    for each in behind.stretches:
        each.take(10, 10, b"10-0" if each.sign < 0 else b"60-0", b"1-0")
    behind.take()
    assert behind.at_least == 10


def test_the_nearest_groups_on_both_sides_are_counted_from() -> None:
    groups = tuple(Group(b"%d" % each, at(each), 100 - each) for each in (20, 45, 52, 80))
    behind = Behind(at(50), WHOLE, groups)
    assert [(each.after, each.through) for each in behind.stretches] == [
        (at(45), at(50)),
        (at(50), at(52)),
    ]


def test_without_groups_it_is_counted_from_both_ends() -> None:
    behind = Behind(at(50), WHOLE, ())
    assert [(each.after, each.through) for each in behind.stretches] == [
        (at(1).previous, at(50)),
        (at(50), at(100)),
    ]


def test_before_anything_was_added_nothing_is_behind() -> None:
    assert Behind(ZERO, Extent(0, ZERO, None, None, 0), ()).events == 0
