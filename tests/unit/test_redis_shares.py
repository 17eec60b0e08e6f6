"""Who should own which stream, and who is dead: arithmetic without a server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from consumer.adapters.redis.shares import Sightings, Table, free, share, surplus


def table(*owners: str | None, members: str = "") -> Table:
    """Streams from 0 on with these owners; `members` are names of one letter, "abc"."""
    names = members or "".join(sorted({owner for owner in owners if owner}))
    leases = {stream: owner for stream, owner in enumerate(owners) if owner}
    return Table(dict.fromkeys(names, 1), leases)


def shares(found: Table, streams: int, topic: str = "orders") -> dict[str, int]:
    return {worker: share(worker, topic, found, streams) for worker in found.members}


@pytest.mark.parametrize(("streams", "workers"), [(12, 1), (12, 5), (3, 5), (1, 2), (64, 7)])
def test_shares_differ_by_one_at_most_and_cover_all_streams(streams: int, workers: int) -> None:
    found = shares(table(members="abcdefg"[:workers]), streams)
    assert sum(found.values()) == streams
    assert max(found.values()) - min(found.values()) <= 1


def test_the_larger_shares_stay_with_those_who_own_more_already() -> None:
    found = table("c", "c", "c", "a", "a", members="abc")
    assert shares(found, 5) == {"a": 2, "b": 1, "c": 2}


def test_one_worker_does_not_get_the_larger_share_of_every_topic() -> None:
    workers = table(members="ab")
    favoured = {
        max(found, key=found.__getitem__)
        for topic in ("orders", "payments", "parcels", "refunds", "stock", "carts")
        for found in [shares(workers, 3, topic)]
    }
    assert favoured == {"a", "b"}


def test_a_worker_gives_away_what_is_beyond_its_share_and_keeps_the_rest() -> None:
    found = table("a", "a", "b", "a", members="ab")
    assert surplus("a", found, 2) == [3]
    assert surplus("b", found, 2) == []


def test_free_is_what_has_no_owner_or_one_who_is_no_member() -> None:
    found = table("a", None, "gone", "a", members="a")
    assert free(found, 5) == [1, 2, 4]


def test_the_dead_and_their_leases_leave_the_table() -> None:
    left = table("a", "b", "a", members="ab").without({"a"})
    assert left == table(None, "b", members="b")


@given(
    owners=some.lists(some.sampled_from(["a", "b", "c", "d", None]), max_size=16),
    order=some.randoms(use_true_random=False),
)
def test_any_table_settles_into_fair_shares_whoever_moves_first(
    owners: list[str | None], order
) -> None:  # type: ignore[no-untyped-def]  # hypothesis's Random
    streams = len(owners)
    leases = {stream: owner for stream, owner in enumerate(owners) if owner}
    some_first = [order.choice("abcd") for _ in range(12)]
    # Three turns each: a larger share may come free only after its owner-to-be had its second.
    for worker in [*some_first, *"abcd" * 3]:
        found = Table(dict.fromkeys("abcd", 1), dict(leases))
        fair = share(worker, "orders", found, streams)
        for stream in surplus(worker, found, fair):
            del leases[stream]
        wanted = max(0, fair - len(found.owned_by(worker)))
        leases |= dict.fromkeys(free(found, streams)[:wanted], worker)
    counts = [list(leases.values()).count(worker) for worker in "abcd"]
    assert sum(counts) == streams
    assert max(counts) - min(counts) <= 1


# --- who is dead ---------------------------------------------------------------------------------


def seen(*looks: tuple[float, dict[str, int]], lease: float = 3.0) -> dict[str, int]:
    sightings = Sightings(lease)
    for now, members in looks:
        sightings.saw(Table(members, {}), now)
    return sightings.dead()


def test_who_stands_still_for_one_lease_is_dead() -> None:
    looks = [(now, {"a": 7, "b": now}) for now in (0, 1, 2, 3)]
    assert seen(*looks) == {"a": 7}


def test_who_stands_still_for_less_lives() -> None:
    assert seen(*[(now, {"a": 7}) for now in (0, 1, 2)]) == {}


def test_who_moved_meanwhile_is_counted_anew() -> None:
    assert seen((0, {"a": 7}), (1, {"a": 7}), (2, {"a": 8}), (3, {"a": 8}), (4, {"a": 8})) == {}


def test_who_came_back_under_a_lower_number_lives() -> None:
    assert seen((0, {"a": 7}), (1, {"a": 7}), (2, {"a": 1}), (3, {"a": 1})) == {}


def test_while_nobody_looked_nobody_died() -> None:
    # Redis was away for ten leases: nobody could move, and nobody could see.
    assert seen((0, {"a": 7}), (30, {"a": 7}), (31, {"a": 7})) == {}
