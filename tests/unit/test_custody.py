"""The rules of a checkpoint, without any store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from consumer.errors import AnotherLog, Fenced, Misconfigured, NewerRecord, OffsetLost
from consumer.model.condition import Condition, running
from consumer.model.custody import (
    UNCLAIMED,
    Custody,
    another_log,
    fenced,
    gone,
    newer,
    recorded_offset,
    validated_offset,
)
from consumer.model.position import Checkpoint, Claim, IntOffset, LogIdentity, Partition

ORDERS = Partition("orders", 3)
LOG = LogIdentity("cluster/topic", 12)
THEN = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOW = THEN + timedelta(minutes=1)
HALTED = Condition("halted", "Undecodable: no JSON", THEN)
HELD = Custody(5, "token", "worker-1", LOG, IntOffset(41), running(THEN))
CLAIM = Claim("customers", ORDERS, 5, "token", IntOffset(41))


def test_what_was_never_claimed_has_no_checkpoint_and_holds_no_claim() -> None:
    assert UNCLAIMED.checkpoint("customers", ORDERS) is None
    assert UNCLAIMED.committed(CLAIM, None, IntOffset(0), NOW) is None


def test_a_claim_raises_the_epoch_and_keeps_the_offset() -> None:
    after = HELD.claimed("worker-2", "fresh", LOG, 0, NOW)

    assert after == Custody(6, "fresh", "worker-2", LOG, IntOffset(41), running(NOW))
    assert HELD.claimed("worker-2", "fresh", LOG, 99, NOW) == Custody(
        100, "fresh", "worker-2", LOG, IntOffset(41), running(NOW)
    )


def test_a_claim_from_another_log_is_none() -> None:
    assert HELD.claimed("worker-2", "fresh", LogIdentity("swapped", 12), 0, NOW) is None
    assert HELD.claimed("worker-2", "fresh", LogIdentity("", 12), 0, NOW) is not None


def test_a_commit_moves_the_offset_once_and_again() -> None:
    after = HELD.committed(CLAIM, IntOffset(41), IntOffset(50), NOW)

    assert after is not None
    assert after.checkpoint("customers", ORDERS) == Checkpoint(
        "customers", ORDERS, IntOffset(50), 5, LOG, "worker-1", running(THEN)
    )
    assert after.committed(CLAIM, IntOffset(41), IntOffset(50), NOW) == after
    assert after.committed(CLAIM, IntOffset(41), IntOffset(60), NOW) is None


def test_a_released_claim_holds_no_more_and_a_reset_keeps_the_epoch_alone() -> None:
    assert HELD.is_held_by(CLAIM)
    assert not HELD.released(NOW).is_held_by(CLAIM)
    assert HELD.released(NOW).offset == IntOffset(41)
    assert HELD.reset() == Custody(5)


def test_a_condition_keeps_its_time_while_its_state_stays() -> None:
    waiting = HELD.noted(Condition("waiting", "down"), THEN)
    assert waiting.condition == Condition("waiting", "down", THEN)
    assert waiting.noted(Condition("waiting", "still"), NOW).condition == Condition(
        "waiting", "still", THEN
    )
    assert waiting.noted(Condition("halted", "bad"), NOW).condition == Condition(
        "halted", "bad", NOW
    )
    # The store's clock alone tells the time.
    assert waiting.noted(Condition("halted", "bad", THEN), NOW).condition.since == NOW


def test_a_commit_a_claim_and_a_move_end_a_condition_and_a_release_does_not() -> None:
    halted = HELD.noted(HALTED, THEN)
    committed = halted.committed(CLAIM, IntOffset(41), IntOffset(50), NOW)
    claimed = halted.claimed("worker-2", "fresh", LOG, 0, NOW)

    assert committed is not None
    assert claimed is not None
    assert committed.condition == claimed.condition == running(NOW)
    assert halted.moved(LOG, IntOffset(1), NOW).condition == running(NOW)
    assert halted.released(NOW).condition == HALTED
    assert halted.reset().condition == running()
    assert HELD.released(NOW).condition == running(NOW)


def test_a_move_leaves_the_checkpoint_on_that_log_in_nobodys_hands() -> None:
    swapped = LogIdentity("swapped", 8)

    for before in (HELD, Custody(5)):
        assert before.moved(swapped, IntOffset(9), NOW) == Custody(
            6, "", "", swapped, IntOffset(9), running(NOW)
        )
    assert UNCLAIMED.moved(swapped, IntOffset(9), NOW).epoch == 1
    assert not HELD.moved(LOG, IntOffset(41), NOW).is_held_by(CLAIM)


def test_only_an_offset_can_be_committed_and_read_back() -> None:
    assert validated_offset(IntOffset(1)) == IntOffset(1)
    for none in (None, 1, "1"):
        with pytest.raises(Misconfigured):
            validated_offset(none)  # type: ignore[arg-type]
    assert recorded_offset("customers", ORDERS, None) is None
    assert recorded_offset("customers", ORDERS, "41") == IntOffset(41)
    with pytest.raises(Misconfigured, match=r"customers in orders/3 is damaged"):
        recorded_offset("customers", ORDERS, "forty-one")


def test_every_refusal_names_the_place_and_what_to_do() -> None:
    swapped = LogIdentity("swapped", 12)
    for refusal, kind, advice in [
        (fenced(CLAIM, IntOffset(50)), Fenced, "join again"),
        (gone("customers", ORDERS), OffsetLost, "reset the projection's offsets"),
        (another_log("customers", ORDERS, LOG, swapped), AnotherLog, "Point the source back"),
        (newer("customers", ORDERS, 2), NewerRecord, "Deploy the newer release"),
    ]:
        assert type(refusal) is kind
        assert "customers" in str(refusal)
        assert "orders/3" in str(refusal)
        assert advice in str(refusal)
