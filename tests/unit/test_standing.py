"""What is told of a projection in a partition, by what the stores and the log hold."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.memory.presence import MemoryPresence
from consumer.engine.standing import UNSEEN, Report, Standing, booked, viewed
from consumer.errors import Misconfigured, Transient
from consumer.model.condition import Condition
from consumer.model.lag import Lag
from consumer.model.position import Claim, IntOffset, LogIdentity, Partition
from tests.unit.listed_log import ListedLog, counted

ZERO, ONE = Partition("orders", 0), Partition("orders", 1)
LOG = LogIdentity("log", 2)


@pytest.fixture
def offsets() -> MemoryOffsetStore:
    return MemoryOffsetStore()


@pytest.fixture
def presence() -> MemoryPresence:
    return MemoryPresence()


@pytest.fixture
def log() -> ListedLog:
    return ListedLog({ZERO: counted(10), ONE: counted(0)})


def taken(offsets: MemoryOffsetStore, at: int | None = 3, *, log: LogIdentity = LOG) -> Claim:
    claim = offsets.claim("shop", ZERO, owner="me", log=log)
    if at is not None:
        offsets.commit(claim, None, IntOffset(at))
    return claim


def report(offsets: MemoryOffsetStore, presence: MemoryPresence, log: ListedLog) -> Report:
    book = booked("shop", offsets, presence)
    view = viewed(log)
    return Report.of(book, view, log.lag(book.offsets(view)))


def standing(offsets: MemoryOffsetStore, presence: MemoryPresence, log: ListedLog) -> Standing:
    return report(offsets, presence, log).partitions[0]


def test_a_partition_whose_owner_lives_runs(
    offsets: MemoryOffsetStore, presence: MemoryPresence, log: ListedLog
) -> None:
    taken(offsets)
    presence.extend("me", 60)

    found = standing(offsets, presence, log)

    assert (found.partition, found.state, found.is_owner_present) == (ZERO, "running", True)
    assert found.checkpoint is not None
    assert found.checkpoint.offset == IntOffset(3)
    assert found.end == IntOffset(9)
    assert found.lag == Lag(6, datetime.fromtimestamp(4, UTC))
    assert found.since is not None


def test_what_its_worker_noted_is_told_with_the_reason(
    offsets: MemoryOffsetStore, presence: MemoryPresence, log: ListedLog
) -> None:
    claim = taken(offsets)
    presence.extend("me", 60)

    offsets.note(claim, Condition("waiting", "Transient: the database is away"))
    waiting = standing(offsets, presence, log)
    offsets.note(claim, Condition("halted", "Undecodable: no JSON"))
    halted = standing(offsets, presence, log)

    assert (waiting.state, waiting.reason) == ("waiting", "Transient: the database is away")
    assert (halted.state, halted.reason) == ("halted", "Undecodable: no JSON")
    assert halted.since is not None


@pytest.mark.parametrize("state", ["running", "waiting"])
def test_an_owner_without_a_sign_of_life_is_gone_and_nobody_knows_since_when(
    offsets: MemoryOffsetStore, presence: MemoryPresence, log: ListedLog, state: str
) -> None:
    claim = taken(offsets)
    if state == "waiting":
        offsets.note(claim, Condition("waiting", "why"))

    found = standing(offsets, presence, log)

    assert (found.state, found.is_owner_present, found.since) == ("owner-gone", False, None)
    assert found.reason == ("why" if state == "waiting" else "")


def test_a_halt_outlives_its_worker(
    offsets: MemoryOffsetStore, presence: MemoryPresence, log: ListedLog
) -> None:
    claim = taken(offsets)
    offsets.note(claim, Condition("halted", "why"))

    killed = standing(offsets, presence, log)
    offsets.release(claim)
    stopped = standing(offsets, presence, log)

    assert (killed.state, killed.is_owner_present) == ("halted", False)
    assert (stopped.state, stopped.reason) == ("halted", "why")


def test_a_partition_that_was_given_back_is_unowned(
    offsets: MemoryOffsetStore, presence: MemoryPresence, log: ListedLog
) -> None:
    offsets.release(taken(offsets))

    found = standing(offsets, presence, log)

    assert (found.state, found.is_owner_present) == ("unowned", False)
    assert found.since is not None


def test_a_partition_without_a_checkpoint_never_ran(
    offsets: MemoryOffsetStore, presence: MemoryPresence, log: ListedLog
) -> None:
    taken(offsets)

    found = report(offsets, presence, log).partitions[1]

    assert found == Standing(ONE, "never-ran", end=IntOffset(-1))


def test_a_checkpoint_of_another_log_is_told_and_has_no_lag(
    offsets: MemoryOffsetStore, presence: MemoryPresence, log: ListedLog
) -> None:
    taken(offsets, log=LogIdentity("elder log", 2))
    presence.extend("me", 60)

    found = standing(offsets, presence, log)

    assert (found.state, found.lag, found.since) == ("another-log", None, None)
    assert "was made on the log 'elder log', and this is 'log'" in found.reason


@pytest.mark.parametrize(("known", "here"), [("", "log"), ("log", "")])
def test_a_log_that_tells_no_id_is_taken_for_the_same(
    offsets: MemoryOffsetStore, presence: MemoryPresence, log: ListedLog, known: str, here: str
) -> None:
    taken(offsets, log=LogIdentity(known, 2))
    log.id = here

    assert standing(offsets, presence, log).state == "owner-gone"


def test_claimed_and_not_yet_committed_has_neither_offset_nor_lag(
    offsets: MemoryOffsetStore, presence: MemoryPresence, log: ListedLog
) -> None:
    taken(offsets, at=None)
    presence.extend("me", 60)

    found = standing(offsets, presence, log)

    assert (found.state, found.lag) == ("running", None)


def test_a_checkpoint_that_nobody_can_read_hides_no_other(
    presence: MemoryPresence, log: ListedLog
) -> None:
    class Damaged(MemoryOffsetStore):
        def get(self, projection: str, partition: Partition) -> None:
            raise Misconfigured(f"the checkpoint in {partition} is damaged")

    offsets = Damaged()
    taken(offsets)

    found = report(offsets, presence, log).partitions

    assert [each.state for each in found] == ["unreadable", "never-ran"]
    assert found[0].reason == "the checkpoint in orders/0 is damaged"


def test_a_projection_that_was_reset_while_one_looked_never_ran(presence: MemoryPresence) -> None:
    class Resetting(MemoryOffsetStore):
        def get(self, projection: str, partition: Partition) -> None:
            return None

    offsets = Resetting()
    taken(offsets)

    assert not booked("shop", offsets, presence).checkpoints


def test_without_its_log_the_checkpoints_are_told_all_the_same(
    offsets: MemoryOffsetStore, presence: MemoryPresence
) -> None:
    taken(offsets)
    presence.extend("me", 60)
    trouble = Transient("Kafka is away")

    found = Report.of(booked("shop", offsets, presence), UNSEEN, {}, trouble)

    assert found.trouble is trouble
    assert [(each.partition, each.state, each.end) for each in found.partitions] == [
        (ZERO, "running", None)
    ]


def test_a_log_is_asked_once_for_each_topic_and_not_for_each_partition() -> None:
    other = Partition("returns", 0)
    log = ListedLog({ZERO: counted(1), ONE: counted(1), other: counted(1)})

    view = viewed(log)

    assert log.asked == ["ends", "identity", "identity"]
    assert view.identities == {"orders": LogIdentity("log", 2), "returns": LogIdentity("log", 1)}


def test_the_end_lies_behind_an_open_transaction_as_the_lag_does(
    offsets: MemoryOffsetStore, presence: MemoryPresence, log: ListedLog
) -> None:
    """What can be read ends before it, and Kafka's own tools show what is there."""
    taken(offsets, 9)
    book = booked("shop", offsets, presence)

    found = Report.of(book, viewed(log), {ZERO: Lag(20, None)}).partitions[0]

    assert found.end == IntOffset(29)
