"""The rules of a checkpoint, without any store."""

from __future__ import annotations

import pytest

from consumer.errors import AnotherLog, Fenced, Misconfigured, NewerRecord, OffsetLost
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
HELD = Custody(5, "token", "worker-1", LOG, IntOffset(41))
CLAIM = Claim("customers", ORDERS, 5, "token", IntOffset(41))


def test_what_was_never_claimed_has_no_checkpoint_and_holds_no_claim() -> None:
    assert UNCLAIMED.checkpoint("customers", ORDERS) is None
    assert UNCLAIMED.committed(CLAIM, None, IntOffset(0)) is None


def test_a_claim_raises_the_epoch_and_keeps_the_offset() -> None:
    after = HELD.claimed("worker-2", "fresh", LOG, 0)

    assert after == Custody(6, "fresh", "worker-2", LOG, IntOffset(41))
    assert HELD.claimed("worker-2", "fresh", LOG, 99) == Custody(
        100, "fresh", "worker-2", LOG, IntOffset(41)
    )


def test_a_claim_from_another_log_is_none() -> None:
    assert HELD.claimed("worker-2", "fresh", LogIdentity("swapped", 12), 0) is None
    assert HELD.claimed("worker-2", "fresh", LogIdentity("", 12), 0) is not None


def test_a_commit_moves_the_offset_once_and_again() -> None:
    after = HELD.committed(CLAIM, IntOffset(41), IntOffset(50))

    assert after is not None
    assert after.checkpoint("customers", ORDERS) == Checkpoint(
        "customers", ORDERS, IntOffset(50), 5, LOG
    )
    assert after.committed(CLAIM, IntOffset(41), IntOffset(50)) == after
    assert after.committed(CLAIM, IntOffset(41), IntOffset(60)) is None


def test_a_released_claim_holds_no_more_and_a_reset_keeps_the_epoch_alone() -> None:
    assert HELD.is_held_by(CLAIM)
    assert not HELD.released().is_held_by(CLAIM)
    assert HELD.released().offset == IntOffset(41)
    assert HELD.reset() == Custody(5)


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
