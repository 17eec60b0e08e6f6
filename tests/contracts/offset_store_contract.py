"""What every `OffsetStore` must do, as tests to inherit.

Write a store of your own, then a test class that makes one:

    class TestMyOffsetStore(DurableOffsetStoreContract):
        @pytest.fixture
        def open_store(self, tmp_path):     # each call: another store on the same, new and empty records
            ...

`OffsetStoreContract` is for a store that lives and dies with its object: give it `store`.
`DurableOffsetStoreContract` is for one whose records outlive it: give it `open_store`, and `records`,
which handles the records behind the store's back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec
import pytest

from consumer.errors import AnotherLog, Closed, Fenced, Misconfigured, NewerRecord, OffsetLost
from consumer.model.condition import Condition
from consumer.model.position import (
    Checkpoint,
    Claim,
    IntOffset,
    LogIdentity,
    Offset,
    Partition,
    StreamOffset,
)
from consumer.ports.offset_store import OffsetStore

LOG = LogIdentity("cluster/topic", 12)
SWAPPED = LogIdentity("swapped/topic", 8)
WAITING = Condition("waiting", "Transient: the read model is down")
HALTED = Condition("halted", "Undecodable: orders/3 at offset 10: this is no JSON 'ä'")
ORDERS = Partition("orders", 3)


def at(value: int) -> IntOffset:
    return IntOffset(value)


def claimed(
    store: OffsetStore,
    projection: str = "customers",
    partition: Partition = ORDERS,
    *,
    owner: str = "worker-1",
    log: LogIdentity = LOG,
    floor: int | None = None,
) -> Claim:
    return store.claim(projection, partition, owner=owner, log=log, floor=floor)


def offset_in(store: OffsetStore, projection: str = "customers") -> Offset | None:
    found = store.get(projection, ORDERS)
    assert found is not None
    return found.offset


def checkpoint_in(
    store: OffsetStore, projection: str = "customers", partition: Partition = ORDERS
) -> Checkpoint | None:
    """The checkpoint, but for the times, of which no two are alike."""
    return timeless(store.get(projection, partition))


def timeless(checkpoint: Checkpoint | None) -> Checkpoint | None:
    """The checkpoint without the time in it."""
    if checkpoint is None:
        return None
    condition = msgspec.structs.replace(checkpoint.condition, since=None)
    return msgspec.structs.replace(checkpoint, condition=condition)


def checkpoint(
    offset: Offset | None,
    epoch: int,
    *,
    projection: str = "customers",
    partition: Partition = ORDERS,
    owner: str = "worker-1",
    log: LogIdentity = LOG,
    condition: Condition = Condition("running"),  # noqa: B008 - it is frozen
) -> Checkpoint:
    return Checkpoint(projection, partition, offset, epoch, log, owner, condition)


def since(store: OffsetStore) -> datetime:
    found = store.get("customers", ORDERS)
    assert found is not None
    assert found.condition.since is not None
    return found.condition.since


def let_time_pass(store: OffsetStore) -> None:
    """Until the store's clock, which may show milliseconds alone, has moved on."""

    def clock() -> datetime | None:
        claimed(store, "clock")
        found = store.get("clock", ORDERS)
        assert found is not None
        return found.condition.since

    before = clock()
    while clock() == before:
        pass


class OffsetStoreContract:
    """One store, and whoever uses it."""

    @pytest.fixture
    def store(self) -> OffsetStore:
        raise NotImplementedError("override the fixture `store` with one that makes yours, empty")

    # --- get ---

    def test_a_projection_that_never_ran_has_no_checkpoint(self, store: OffsetStore) -> None:
        assert store.get("customers", ORDERS) is None

    def test_a_claim_alone_leaves_a_checkpoint_without_an_offset(self, store: OffsetStore) -> None:
        claim = claimed(store)

        assert claim.offset is None
        assert checkpoint_in(store) == checkpoint(None, claim.epoch)

    def test_a_checkpoint_says_what_was_committed_last(self, store: OffsetStore) -> None:
        claim = claimed(store)
        store.commit(claim, None, at(-1))
        store.commit(claim, at(-1), at(499))

        assert checkpoint_in(store) == checkpoint(at(499), claim.epoch)

    def test_both_kinds_of_offsets_come_back_as_they_were(self, store: OffsetStore) -> None:
        claim = claimed(store)
        for before, after in [
            (None, StreamOffset(0, 0)),
            (StreamOffset(0, 0), StreamOffset(1526919030474, 55)),
        ]:
            store.commit(claim, before, after)
            assert offset_in(store) == after
            assert claimed(store, "others").offset is None

    def test_the_largest_offsets_and_epochs_stay_exact(self, store: OffsetStore) -> None:
        claim = claimed(store, floor=2**52)
        store.commit(claim, None, at(2**63 - 1))

        assert claim.epoch == 2**52 + 1
        assert offset_in(store) == at(2**63 - 1)
        assert claimed(store).epoch == 2**52 + 2

    # --- claim ---

    def test_each_claim_has_a_higher_epoch_and_a_fresh_token(self, store: OffsetStore) -> None:
        claims = [claimed(store) for _ in range(5)]

        assert [claim.epoch for claim in claims] == sorted({claim.epoch for claim in claims})
        assert len({claim.token for claim in claims}) == 5
        assert all(claim.token for claim in claims)
        assert claims[0].epoch > 0

    def test_a_claim_brings_the_offset_to_go_on_from(self, store: OffsetStore) -> None:
        store.commit(claimed(store), None, at(41))

        assert claimed(store).offset == at(41)

    def test_an_epoch_is_above_the_floor(self, store: OffsetStore) -> None:
        assert claimed(store, floor=1000).epoch == 1001
        assert claimed(store, floor=5).epoch == 1002
        assert claimed(store).epoch == 1003

    def test_claims_that_race_get_distinct_epochs_and_the_last_one_holds(
        self, store: OffsetStore
    ) -> None:
        ready = threading.Barrier(8)

        def race(worker: int) -> Claim:
            ready.wait()
            return claimed(store, owner=f"worker-{worker}")

        with ThreadPoolExecutor(8) as pool:
            claims = list(pool.map(race, range(8)))

        claims.sort(key=lambda claim: claim.epoch)
        assert len({claim.epoch for claim in claims}) == 8
        for stale in claims[:-1]:
            with pytest.raises(Fenced):
                store.commit(stale, None, at(1))
        store.commit(claims[-1], None, at(1))

    # --- the log ---

    def test_a_claim_from_another_log_is_refused_and_changes_nothing(
        self, store: OffsetStore
    ) -> None:
        claim = claimed(store)
        store.commit(claim, None, at(7))
        before = store.get("customers", ORDERS)

        with pytest.raises(AnotherLog, match=r"customers.*orders/3.*cluster/topic.*swapped"):
            claimed(store, log=LogIdentity("swapped/topic", 12))

        assert store.get("customers", ORDERS) == before
        store.commit(claim, at(7), at(8))

    @pytest.mark.parametrize(("first", "second"), [("", "known"), ("known", ""), ("", "")])
    def test_a_log_without_an_id_is_not_compared(
        self, store: OffsetStore, first: str, second: str
    ) -> None:
        store.commit(claimed(store, log=LogIdentity(first, 1)), None, at(7))

        assert claimed(store, log=LogIdentity(second, 1)).offset == at(7)

    def test_once_the_broker_tells_the_logs_id_it_is_held_to_it(self, store: OffsetStore) -> None:
        claimed(store, log=LogIdentity("", 1))
        claimed(store, log=LogIdentity("known", 1))
        claimed(store, log=LogIdentity("", 1))

        with pytest.raises(AnotherLog):
            claimed(store, log=LogIdentity("swapped", 1))

    def test_a_checkpoint_keeps_the_number_of_partitions_of_the_first_claim(
        self, store: OffsetStore
    ) -> None:
        claimed(store, log=LogIdentity("id", 12))
        claimed(store, log=LogIdentity("id", 24))

        found = store.get("customers", ORDERS)
        assert found is not None
        assert found.log == LogIdentity("id", 12)

    # --- commit ---

    def test_the_same_commit_again_succeeds(self, store: OffsetStore) -> None:
        claim = claimed(store)
        for _ in range(3):
            store.commit(claim, None, at(9))
        for _ in range(3):
            store.commit(claim, at(9), at(20))

        assert offset_in(store) == at(20)

    @pytest.mark.parametrize("expected", [None, at(8), at(10), StreamOffset(9, 0)])
    def test_a_commit_that_expects_another_offset_is_fenced(
        self, store: OffsetStore, expected: Offset | None
    ) -> None:
        claim = claimed(store)
        store.commit(claim, None, at(9))

        with pytest.raises(Fenced, match=r"customers.*orders/3.*20"):
            store.commit(claim, expected, at(20))

        assert offset_in(store) == at(9)

    def test_a_commit_under_an_old_epoch_is_fenced(self, store: OffsetStore) -> None:
        old = claimed(store, owner="worker-1")
        store.commit(old, None, at(9))
        new = claimed(store, owner="worker-2")

        with pytest.raises(Fenced):
            store.commit(old, at(9), at(20))
        with pytest.raises(Fenced):  # a repetition is accepted from who holds the claim alone
            store.commit(old, None, at(9))

        assert offset_in(store) == at(9)
        store.commit(new, at(9), at(20))

    def test_a_commit_needs_both_the_epoch_and_the_token(self, store: OffsetStore) -> None:
        claim = claimed(store)
        right_epoch = Claim("customers", ORDERS, claim.epoch, "another token", None)
        right_token = Claim("customers", ORDERS, claim.epoch + 1, claim.token, None)

        for forged in (right_epoch, right_token):
            with pytest.raises(Fenced):
                store.commit(forged, None, at(1))
        assert offset_in(store) is None

    def test_a_missing_offset_is_refused(self, store: OffsetStore) -> None:
        claim = claimed(store)

        with pytest.raises(Misconfigured):
            store.commit(claim, None, None)  # type: ignore[arg-type]

        assert offset_in(store) is None

    def test_a_commit_without_any_record_says_that_it_is_gone(self, store: OffsetStore) -> None:
        with pytest.raises(OffsetLost, match=r"customers.*orders/3"):
            store.commit(Claim("customers", ORDERS, 1, "token", None), None, at(1))

        assert store.get("customers", ORDERS) is None

    # --- owner and condition ---

    def test_a_checkpoint_names_its_owner_until_it_is_given_back(self, store: OffsetStore) -> None:
        claimed(store, owner="worker-1")
        second = claimed(store, owner="worker-2")
        assert checkpoint_in(store) == checkpoint(None, second.epoch, owner="worker-2")

        store.release(second)
        assert checkpoint_in(store) == checkpoint(None, second.epoch, owner="")

    def test_what_runs_runs_since_its_claim_whatever_it_commits(self, store: OffsetStore) -> None:
        before = datetime.now(UTC) - timedelta(seconds=1)
        claim = claimed(store)
        first = since(store)
        let_time_pass(store)
        store.commit(claim, None, at(1))

        assert since(store) == first
        assert before < first < datetime.now(UTC) + timedelta(seconds=1)

    def test_what_is_given_back_is_nobodys_since_then(self, store: OffsetStore) -> None:
        claim = claimed(store)
        first = since(store)
        let_time_pass(store)
        store.release(claim)

        assert since(store) > first

    def test_a_word_about_a_partition_stays_with_its_time_while_its_state_does(
        self, store: OffsetStore
    ) -> None:
        claim = claimed(store)
        first = since(store)
        let_time_pass(store)
        store.note(claim, WAITING)
        waiting = since(store)
        assert waiting > first
        assert checkpoint_in(store) == checkpoint(None, claim.epoch, condition=WAITING)

        again = Condition("waiting", "Transient: something else is down")
        let_time_pass(store)
        store.note(claim, again)
        assert since(store) == waiting
        assert checkpoint_in(store) == checkpoint(None, claim.epoch, condition=again)

        let_time_pass(store)
        store.note(claim, HALTED)
        assert since(store) > waiting
        assert checkpoint_in(store) == checkpoint(None, claim.epoch, condition=HALTED)

        store.note(claim, Condition("running"))
        assert checkpoint_in(store) == checkpoint(None, claim.epoch)

    def test_the_stores_clock_tells_since_when_not_the_worker(self, store: OffsetStore) -> None:
        claim = claimed(store)
        store.note(claim, Condition("halted", "why", since=datetime(1999, 1, 1, tzinfo=UTC)))

        assert since(store).year > 1999

    @pytest.mark.parametrize("condition", [WAITING, HALTED])
    def test_a_commit_ends_what_stood_in_the_way(
        self, store: OffsetStore, condition: Condition
    ) -> None:
        claim = claimed(store)
        store.note(claim, condition)
        before = since(store)
        let_time_pass(store)
        store.commit(claim, None, at(1))

        assert checkpoint_in(store) == checkpoint(at(1), claim.epoch)
        assert since(store) > before

    def test_a_commit_that_is_refused_ends_nothing(self, store: OffsetStore) -> None:
        claim = claimed(store)
        store.note(claim, HALTED)
        before = since(store)
        with pytest.raises(Fenced):
            store.commit(claim, at(7), at(8))

        assert checkpoint_in(store) == checkpoint(None, claim.epoch, condition=HALTED)
        assert since(store) == before

    def test_what_stands_in_the_way_outlives_a_release_and_not_the_next_claim(
        self, store: OffsetStore
    ) -> None:
        claim = claimed(store)
        store.note(claim, HALTED)
        before = since(store)
        let_time_pass(store)
        store.release(claim)
        assert checkpoint_in(store) == checkpoint(None, claim.epoch, owner="", condition=HALTED)
        assert since(store) == before

        successor = claimed(store)
        assert checkpoint_in(store) == checkpoint(None, successor.epoch)
        assert since(store) > before

    def test_a_word_under_a_claim_that_holds_no_longer_changes_nothing(
        self, store: OffsetStore
    ) -> None:
        old = claimed(store)
        new = claimed(store)
        other_token = Claim("customers", ORDERS, new.epoch, "another token", None)
        other_epoch = Claim("customers", ORDERS, new.epoch + 1, new.token, None)
        for forged in (old, other_token, other_epoch):
            store.note(forged, HALTED)
        assert checkpoint_in(store) == checkpoint(None, new.epoch)

        store.release(new)
        store.note(new, HALTED)
        assert checkpoint_in(store) == checkpoint(None, new.epoch, owner="")

    def test_a_word_about_what_was_never_claimed_or_was_reset_changes_nothing(
        self, store: OffsetStore
    ) -> None:
        store.note(Claim("customers", ORDERS, 1, "token", None), HALTED)
        assert store.get("customers", ORDERS) is None
        assert store.list_projections() == []

        claim = claimed(store)
        store.note(claim, HALTED)
        store.reset("customers")
        store.note(claim, HALTED)
        assert store.get("customers", ORDERS) is None
        again = claimed(store)
        assert checkpoint_in(store) == checkpoint(None, again.epoch)

    # --- move ---

    def test_a_move_returns_where_the_checkpoint_was_and_fences_who_held_it(
        self, store: OffsetStore
    ) -> None:
        claim = claimed(store)
        store.commit(claim, None, at(41))
        store.note(claim, HALTED)
        before = store.get("customers", ORDERS)
        let_time_pass(store)

        assert store.move("customers", ORDERS, at(9), log=LOG) == before

        assert checkpoint_in(store) == checkpoint(at(9), claim.epoch + 1, owner="")
        assert before is not None
        assert before.condition.since is not None
        assert since(store) > before.condition.since
        for expected, offset in [(at(41), at(42)), (None, at(41)), (at(9), at(10))]:
            with pytest.raises(Fenced):
                store.commit(claim, expected, offset)
        store.note(claim, HALTED)
        store.release(claim)
        assert checkpoint_in(store) == checkpoint(at(9), claim.epoch + 1, owner="")

    def test_a_claim_after_a_move_goes_on_from_where_it_led(self, store: OffsetStore) -> None:
        store.commit(claimed(store), None, at(41))
        store.move("customers", ORDERS, at(9), log=LOG)

        claim = claimed(store)
        assert (claim.epoch, claim.offset) == (3, at(9))
        store.commit(claim, at(9), at(10))

    def test_each_move_raises_the_epoch_and_returns_what_the_one_before_it_left(
        self, store: OffsetStore
    ) -> None:
        left = claimed(store).offset
        for epoch, offset in enumerate((at(9), StreamOffset(5, 1), at(2**63 - 1), at(-1)), 2):
            before = store.move("customers", ORDERS, offset, log=LOG)
            assert before is not None
            assert (before.epoch, before.offset) == (epoch - 1, left)
            left = offset

        assert checkpoint_in(store) == checkpoint(at(-1), 5, owner="")

    def test_a_move_takes_the_checkpoint_to_another_log(self, store: OffsetStore) -> None:
        store.commit(claimed(store), None, at(41))
        before = store.move("customers", ORDERS, at(9), log=SWAPPED)

        assert before is not None
        assert before.log == LOG
        assert checkpoint_in(store) == checkpoint(at(9), 2, owner="", log=SWAPPED)
        with pytest.raises(AnotherLog):
            claimed(store)
        assert claimed(store, log=SWAPPED).offset == at(9)

    def test_a_projection_that_never_ran_can_be_moved_and_is_known_then(
        self, store: OffsetStore
    ) -> None:
        assert store.move("customers", ORDERS, at(9), log=LOG) is None

        assert store.list_projections() == ["customers"]
        assert checkpoint_in(store) == checkpoint(at(9), 1, owner="")
        assert claimed(store).offset == at(9)
        store.reset("customers")
        assert store.get("customers", ORDERS) is None

    def test_after_a_reset_a_move_returns_nothing_and_the_epochs_go_on(
        self, store: OffsetStore
    ) -> None:
        store.commit(claimed(store, floor=7), None, at(41))
        store.reset("customers")

        assert store.move("customers", ORDERS, at(9), log=SWAPPED) is None
        assert checkpoint_in(store) == checkpoint(at(9), 9, owner="", log=SWAPPED)

    def test_a_move_to_no_offset_is_refused_and_changes_nothing(self, store: OffsetStore) -> None:
        store.commit(claimed(store), None, at(41))
        before = store.get("customers", ORDERS)

        with pytest.raises(Misconfigured):
            store.move("customers", ORDERS, None, log=LOG)  # type: ignore[arg-type]
        assert store.get("customers", ORDERS) == before

    def test_moves_and_claims_that_race_get_distinct_epochs(self, store: OffsetStore) -> None:
        ready = threading.Barrier(8)

        def race(number: int) -> int:
            ready.wait()
            if number % 2:
                return claimed(store).epoch
            store.move("customers", ORDERS, at(number), log=LOG)
            return 0

        with ThreadPoolExecutor(8) as pool:
            claims = [epoch for epoch in pool.map(race, range(8)) if epoch]

        assert len(set(claims)) == 4
        assert claimed(store).epoch == 9

    # --- release ---

    def test_a_released_claim_commits_no_more_and_the_offset_stays(
        self, store: OffsetStore
    ) -> None:
        claim = claimed(store)
        store.commit(claim, None, at(9))
        store.release(claim)

        for expected, offset in [(at(9), at(10)), (None, at(9))]:
            with pytest.raises(Fenced):
                store.commit(claim, expected, offset)
        assert checkpoint_in(store) == checkpoint(at(9), claim.epoch, owner="")
        assert claimed(store).epoch > claim.epoch

    def test_releasing_again_or_too_late_does_nothing(self, store: OffsetStore) -> None:
        old = claimed(store)
        store.release(old)
        store.release(old)
        new = claimed(store)
        store.release(old)

        store.commit(new, None, at(1))

    def test_a_release_needs_both_the_epoch_and_the_token(self, store: OffsetStore) -> None:
        claim = claimed(store)
        store.release(Claim("customers", ORDERS, claim.epoch, "another token", None))
        store.release(Claim("customers", ORDERS, claim.epoch + 1, claim.token, None))

        store.commit(claim, None, at(1))

    def test_releasing_what_was_never_claimed_does_nothing(self, store: OffsetStore) -> None:
        store.release(Claim("customers", ORDERS, 1, "token", None))

        assert store.get("customers", ORDERS) is None
        assert store.list_projections() == []

    # --- list and reset ---

    def test_the_list_has_who_was_claimed_and_not_reset_since(self, store: OffsetStore) -> None:
        assert store.list_projections() == []
        for projection in ("orders@2", "customers", "orders"):
            for number in range(3):
                claimed(store, projection, Partition("orders", number))
        store.get("never-claimed", ORDERS)
        assert store.list_projections() == ["customers", "orders", "orders@2"]

        store.reset("orders")
        assert store.list_projections() == ["customers", "orders@2"]

        claimed(store, "orders")
        assert store.list_projections() == ["customers", "orders", "orders@2"]

    def test_the_partitions_of_a_projection_are_those_with_a_checkpoint(
        self, store: OffsetStore
    ) -> None:
        for number in (10, 2):
            claimed(store, partition=Partition("orders", number))
        claimed(store, "others", Partition("orders", 5))
        store.move("customers", Partition("a", 7), at(1), log=LOG)

        wanted = [Partition("a", 7), Partition("orders", 2), Partition("orders", 10)]
        assert list(store.partitions("customers")) == wanted
        assert list(store.partitions("never-claimed")) == []
        with pytest.raises(Misconfigured):
            store.partitions("")

        store.reset("customers")
        assert list(store.partitions("customers")) == []
        assert list(store.partitions("others")) == [Partition("orders", 5)]

    def test_a_reset_projection_is_as_if_it_never_ran_but_its_epochs_go_on(
        self, store: OffsetStore
    ) -> None:
        claims = [claimed(store, partition=Partition("orders", number)) for number in range(3)]
        for claim in claims:
            store.commit(claim, None, at(9))

        store.reset("customers")

        for claim in claims:
            assert store.get("customers", claim.partition) is None
            with pytest.raises(Fenced):
                store.commit(claim, at(9), at(10))
            with pytest.raises(Fenced):
                store.commit(claim, None, at(9))
            store.release(claim)
            again = claimed(store, partition=claim.partition, log=LogIdentity("another log", 1))
            assert again.offset is None
            assert again.epoch > claim.epoch

    def test_resetting_twice_or_who_is_unknown_is_no_error(self, store: OffsetStore) -> None:
        store.reset("customers")
        claimed(store)
        store.reset("customers")
        store.reset("customers")

        assert store.get("customers", ORDERS) is None

    # --- apart ---

    def test_projections_and_partitions_never_see_each_others_records(
        self, store: OffsetStore
    ) -> None:
        places = [
            (projection, Partition(topic, number))
            for projection in ("orders", "orders@1", "orders@11", "o", "offset", "projections")
            for topic in ("orders", "orders@1", "o", "orders:1")
            for number in (0, 1, 11)
        ]
        for value, place in enumerate(places):
            store.commit(claimed(store, *place), None, at(value))

        store.reset("orders@1")

        for value, (projection, partition) in enumerate(places):
            found = checkpoint_in(store, projection, partition)
            if projection == "orders@1":
                assert found is None
            else:
                assert found == checkpoint(at(value), 1, projection=projection, partition=partition)

    def test_topics_with_odd_characters_do_not_collide(self, store: OffsetStore) -> None:
        topics = [
            "a", "a:b", "{a}", "{a", "a}", "}a{", "{}", "a b", " a", "a ", "a/1", "a/1/1", "a%2F1",
            "a*", "a?", "[a]", "ä", "a'b", 'a"b', "a\\b", "a\tb", "topic:{customers:a}", "A",
        ]  # fmt: skip
        places = [Partition(topic, number) for topic in topics for number in (1, 11)]
        for value, partition in enumerate(places):
            store.commit(claimed(store, partition=partition), None, at(value))

        for value, partition in enumerate(places):
            found = checkpoint_in(store, partition=partition)
            assert found == checkpoint(at(value), 1, partition=partition)
        store.reset("customers")
        assert all(store.get("customers", partition) is None for partition in places)

    @pytest.mark.parametrize(
        "name", ["", " ", "a b", "a:b", "{a}", "a/b", "-a", "a@", "a@0", "a@b", "a" * 101, "a\n"]
    )
    def test_a_name_that_cannot_be_one_is_refused_everywhere(
        self, store: OffsetStore, name: str
    ) -> None:
        forged = Claim(name, ORDERS, 1, "token", None)
        for call in (
            lambda: store.get(name, ORDERS),
            lambda: claimed(store, name),
            lambda: store.commit(forged, None, at(1)),
            lambda: store.release(forged),
            lambda: store.note(forged, HALTED),
            lambda: store.move(name, ORDERS, at(1), log=LOG),
            lambda: store.reset(name),
        ):
            with pytest.raises(Misconfigured, match="cannot name a projection"):
                call()
        assert store.list_projections() == []

    # --- threads ---

    def test_ten_threads_on_ten_names_lose_nothing(self, store: OffsetStore) -> None:
        def work(number: int) -> None:
            claim = claimed(store, f"projection-{number}")
            expected: Offset | None = None
            for value in range(30):
                store.commit(claim, expected, at(value))
                expected = at(value)

        with ThreadPoolExecutor(10) as pool:
            list(pool.map(work, range(10)))

        names = [f"projection-{number}" for number in range(10)]
        assert store.list_projections() == names
        assert [offset_in(store, name) for name in names] == [at(29)] * 10

    def test_readers_beside_a_writer_see_offsets_that_only_grow(self, store: OffsetStore) -> None:
        claim = claimed(store)
        store.commit(claim, None, at(0))
        done = threading.Event()

        def read() -> list[Offset | None]:
            seen = [offset_in(store)]
            while not done.is_set():
                seen.append(offset_in(store))
                assert store.list_projections() == ["customers"]
            return seen

        with ThreadPoolExecutor(3) as pool:
            readers = [pool.submit(read) for _ in range(3)]
            try:
                for value in range(100):
                    store.commit(claim, at(value), at(value + 1))
            finally:
                done.set()
            for reader in readers:
                seen = [offset for offset in reader.result() if offset is not None]
                assert seen == sorted(seen)

        assert offset_in(store) == at(100)

    def test_of_ten_threads_that_commit_the_same_step_differently_one_wins(
        self, store: OffsetStore
    ) -> None:
        claim = claimed(store)
        ready = threading.Barrier(10)

        def race(value: int) -> bool:
            ready.wait()
            try:
                store.commit(claim, None, at(value))
            except Fenced:
                return False
            return True

        with ThreadPoolExecutor(10) as pool:
            won = list(pool.map(race, range(10)))

        assert won.count(True) == 1
        assert offset_in(store) == at(won.index(True))

    # --- close ---

    def test_a_closed_store_says_so_and_closing_twice_is_safe(self, store: OffsetStore) -> None:
        claim = claimed(store)
        store.close()
        store.close()

        for call in (
            lambda: store.get("customers", ORDERS),
            lambda: claimed(store),
            lambda: store.commit(claim, None, at(1)),
            lambda: store.release(claim),
            lambda: store.note(claim, HALTED),
            lambda: store.move("customers", ORDERS, at(1), log=LOG),
            store.list_projections,
            lambda: store.partitions("customers"),
            lambda: store.reset("customers"),
        ):
            with pytest.raises(Closed):
                call()


class Records(Protocol):
    """The records of a store, handled behind its back."""

    def lose(self) -> None:
        """All that the store ever kept is gone, as with FLUSHALL."""

    def forget(self, projection: str, partition: Partition) -> None:
        """One of them is gone, and nothing else."""

    def read(self, projection: str, partition: Partition) -> dict[str, str]:
        """The fields of one, as they stand there; empty where there is none."""

    def change(self, projection: str, partition: Partition, /, **fields: str) -> None:
        """Sets fields of one; among them fields that no release knows yet."""


class DurableOffsetStoreContract(OffsetStoreContract):
    """Records that outlive the store's object, and can be lost or changed by others."""

    @pytest.fixture
    def open_store(self) -> Callable[[], OffsetStore]:
        raise NotImplementedError("override `open_store`: each call opens the same records anew")

    @pytest.fixture
    def records(self) -> Records:
        raise NotImplementedError("override `records` with access to the records of `open_store`")

    @pytest.fixture
    def store(self, open_store: Callable[[], OffsetStore]) -> Iterator[OffsetStore]:
        store = open_store()
        yield store
        store.close()

    @pytest.fixture
    def other(self, open_store: Callable[[], OffsetStore]) -> Iterator[OffsetStore]:
        """The store of another process."""
        other = open_store()
        yield other
        other.close()

    def test_what_was_committed_is_there_after_a_restart(
        self, store: OffsetStore, open_store: Callable[[], OffsetStore]
    ) -> None:
        claim = claimed(store)
        store.commit(claim, None, at(9))
        store.close()

        again = open_store()
        assert again.list_projections() == ["customers"]
        successor = claimed(again)
        assert (successor.epoch, successor.offset) == (claim.epoch + 1, at(9))
        again.close()

    def test_another_process_takes_over_and_fences_the_first(
        self, store: OffsetStore, other: OffsetStore
    ) -> None:
        first = claimed(store)
        store.commit(first, None, at(9))
        second = claimed(other)

        assert second.offset == at(9)
        assert second.epoch == first.epoch + 1
        with pytest.raises(Fenced):
            store.commit(first, at(9), at(10))
        store.release(first)
        other.commit(second, at(9), at(10))

    def test_what_stood_in_the_way_before_an_older_release_took_over_is_no_word_of_it(
        self, store: OffsetStore, records: Records
    ) -> None:
        claim = claimed(store)
        store.commit(claim, None, at(9))
        store.note(claim, HALTED)
        # It knows no condition, and leaves the fields as they are.
        theirs = {"epoch": str(claim.epoch + 1), "token": "theirs", "owner": "worker-2"}
        records.change("customers", ORDERS, **theirs, offset="50")

        found = store.get("customers", ORDERS)
        assert found is not None
        assert found.condition == Condition("running")
        store.note(claimed(store), WAITING)
        assert checkpoint_in(store) == checkpoint(at(50), claim.epoch + 2, condition=WAITING)

    def test_what_another_process_resets_is_fenced_here_not_lost(
        self, store: OffsetStore, other: OffsetStore
    ) -> None:
        claim = claimed(store)
        store.commit(claim, None, at(9))
        other.reset("customers")

        with pytest.raises(Fenced):
            store.commit(claim, at(9), at(10))
        assert claimed(store).offset is None

    def test_processes_that_race_for_a_partition_get_distinct_epochs(
        self, open_store: Callable[[], OffsetStore]
    ) -> None:
        stores = [open_store() for _ in range(4)]
        ready = threading.Barrier(4)

        def race(store: OffsetStore) -> list[int]:
            ready.wait()
            return [claimed(store).epoch for _ in range(10)]

        with ThreadPoolExecutor(4) as pool:
            epochs = [epoch for own in pool.map(race, stores) for epoch in own]
        for store in stores:
            store.close()

        assert sorted(epochs) == list(range(1, 41))

    # --- lost data ---

    def test_a_commit_to_a_record_that_is_gone_is_not_fenced_but_lost(
        self, store: OffsetStore, records: Records
    ) -> None:
        claim = claimed(store)
        store.commit(claim, None, at(9))
        records.lose()

        with pytest.raises(OffsetLost, match=r"customers.*orders/3"):
            store.commit(claim, at(9), at(10))
        with pytest.raises(OffsetLost):  # nor does a repetition bring it back
            store.commit(claim, None, at(9))
        assert records.read("customers", ORDERS) == {}

    def test_a_claim_of_a_record_that_this_process_held_and_is_gone_is_lost(
        self, store: OffsetStore, records: Records
    ) -> None:
        claimed(store)
        records.lose()

        for _ in range(2):
            with pytest.raises(OffsetLost, match=r"customers.*orders/3"):
                claimed(store)
        assert records.read("customers", ORDERS) == {}

    def test_a_release_does_not_forget_what_was_lost_meanwhile(
        self, store: OffsetStore, records: Records
    ) -> None:
        claim = claimed(store)
        records.lose()
        store.release(claim)

        with pytest.raises(OffsetLost):
            claimed(store)

    def test_losing_one_partition_halts_no_other(
        self, store: OffsetStore, records: Records
    ) -> None:
        claimed(store)
        records.forget("customers", ORDERS)

        other = claimed(store, partition=Partition("orders", 4))
        store.commit(other, None, at(1))
        assert store.list_projections() == ["customers"]
        with pytest.raises(OffsetLost):
            claimed(store)

    def test_what_another_process_held_is_missed_by_whoever_held_a_neighbour(
        self, store: OffsetStore, other: OffsetStore, records: Records
    ) -> None:
        neighbour = Partition("orders", 4)
        store.commit(claimed(store), None, at(9))
        other.commit(claimed(other, partition=neighbour), None, at(9))
        records.lose()

        for _ in range(2):
            with pytest.raises(OffsetLost, match=r"customers.*orders/3"):
                claimed(other)
            with pytest.raises(OffsetLost, match=r"customers.*orders/4"):
                claimed(store, partition=neighbour)
        assert records.read("customers", ORDERS) == records.read("customers", neighbour) == {}

    def test_what_was_lost_is_missed_though_a_new_process_begins_beside_it(
        self, store: OffsetStore, other: OffsetStore, records: Records
    ) -> None:
        claimed(store)
        records.lose()
        begun = claimed(other, partition=Partition("orders", 4))

        with pytest.raises(OffsetLost):
            claimed(store, partition=Partition("orders", 5))
        assert claimed(store, partition=begun.partition).epoch == begun.epoch + 1

    def test_a_reset_by_another_process_is_no_loss(
        self, store: OffsetStore, other: OffsetStore
    ) -> None:
        claimed(store)
        other.reset("customers")

        assert claimed(store, partition=Partition("orders", 4)).offset is None

    def test_a_process_that_never_held_the_record_may_start_anew(
        self, store: OffsetStore, other: OffsetStore, records: Records
    ) -> None:
        claimed(store)
        records.lose()

        assert claimed(other).offset is None

    def test_after_a_reset_a_lost_record_is_missed_no_more(
        self, store: OffsetStore, records: Records
    ) -> None:
        claimed(store)
        store.reset("customers")
        records.lose()

        assert claimed(store).offset is None

    def test_after_a_release_a_lost_record_is_still_missed(
        self, store: OffsetStore, records: Records
    ) -> None:
        store.release(claimed(store))
        records.lose()

        with pytest.raises(OffsetLost):
            claimed(store)

    def test_a_process_never_gets_an_epoch_twice_though_the_records_went_back(
        self, store: OffsetStore, records: Records
    ) -> None:
        claimed(store)
        old = records.read("customers", ORDERS)
        held = [claimed(store).epoch for _ in range(5)][-1]
        records.change("customers", ORDERS, **old)

        assert claimed(store).epoch > held

    # --- words and moves among processes ---

    def test_what_one_process_notes_another_reads(
        self, store: OffsetStore, other: OffsetStore
    ) -> None:
        claim = claimed(store)
        store.note(claim, HALTED)

        assert other.get("customers", ORDERS) == store.get("customers", ORDERS)
        assert checkpoint_in(other) == checkpoint(None, claim.epoch, condition=HALTED)

    def test_what_another_process_moves_is_fenced_here_and_claimed_from_there(
        self, store: OffsetStore, other: OffsetStore
    ) -> None:
        claim = claimed(store)
        store.commit(claim, None, at(41))
        other.move("customers", ORDERS, at(9), log=LOG)

        with pytest.raises(Fenced):
            store.commit(claim, at(41), at(42))
        assert claimed(store).offset == at(9)

    def test_a_word_about_a_record_that_is_gone_does_not_bring_it_back(
        self, store: OffsetStore, records: Records
    ) -> None:
        claim = claimed(store)
        records.lose()
        store.note(claim, HALTED)

        assert records.read("customers", ORDERS) == {}

    def test_a_record_that_is_gone_can_be_moved_by_who_held_it_and_claimed_then(
        self, store: OffsetStore, other: OffsetStore, records: Records
    ) -> None:
        claim = claimed(store)
        store.commit(claim, None, at(41))
        records.lose()

        assert store.move("customers", ORDERS, at(9), log=LOG) is None
        with pytest.raises(Fenced):
            store.commit(claim, at(41), at(42))
        assert claimed(other).offset == at(9)
        assert claimed(store).offset == at(9)
        with pytest.raises(OffsetLost):  # its neighbours are lost as before
            claimed(store, partition=Partition("orders", 4))

    def test_a_damaged_record_can_be_moved_and_its_epochs_go_on(
        self, store: OffsetStore, records: Records
    ) -> None:
        claim = claimed(store, floor=41)
        records.change("customers", ORDERS, offset="seventeen")

        assert store.move("customers", ORDERS, at(9), log=SWAPPED) is None
        assert checkpoint_in(store) == checkpoint(at(9), claim.epoch + 1, owner="", log=SWAPPED)
        assert claimed(store, log=SWAPPED).offset == at(9)

    # --- records of other releases ---

    @pytest.mark.parametrize("schema", ["2", "99"])
    def test_a_record_of_a_newer_release_is_refused_and_not_overwritten(
        self, store: OffsetStore, records: Records, schema: str
    ) -> None:
        claim = claimed(store)
        store.commit(claim, None, at(9))
        neighbours = [Partition("orders", 2), Partition("orders", 4)]
        for neighbour in neighbours:
            claimed(store, partition=neighbour)
        records.change("customers", ORDERS, schema=schema)
        before = [records.read("customers", place) for place in (ORDERS, *neighbours)]

        for call in (
            lambda: claimed(store),
            lambda: store.commit(claim, at(9), at(10)),
            lambda: store.commit(claim, None, at(9)),
            lambda: store.release(claim),
            lambda: store.note(claim, HALTED),
            lambda: store.move("customers", ORDERS, at(1), log=LOG),
            lambda: store.reset("customers"),
            lambda: store.get("customers", ORDERS),
        ):
            with pytest.raises(NewerRecord, match=rf"customers.*orders/3.*schema {schema}"):
                call()

        after = [records.read("customers", place) for place in (ORDERS, *neighbours)]
        assert after == before
        assert store.list_projections() == ["customers"]

    def test_fields_that_this_release_does_not_know_are_kept(
        self, store: OffsetStore, records: Records
    ) -> None:
        claim = claimed(store)
        records.change("customers", ORDERS, from_the_future="kept")

        store.commit(claim, None, at(9))
        store.note(claim, HALTED)
        store.release(claimed(store))
        store.move("customers", ORDERS, at(1), log=LOG)
        store.reset("customers")
        claimed(store)

        assert records.read("customers", ORDERS)["from_the_future"] == "kept"

    def test_a_damaged_offset_is_named_and_not_taken_for_a_start(
        self, store: OffsetStore, records: Records
    ) -> None:
        claimed(store)
        records.change("customers", ORDERS, offset="seventeen")

        for call in (lambda: store.get("customers", ORDERS), lambda: claimed(store)):
            with pytest.raises(Misconfigured, match=r"customers.*orders/3.*damaged"):
                call()
