"""Taking a partition whose rows and offset lie in a read model: its offset is the truth, its epoch the floor."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.adapters.memory.read_model import MemoryReadModel
from consumer.engine.claiming import Claiming, Taken
from consumer.engine.runner import Runner
from consumer.engine.transacting import Transacting, transacting
from consumer.errors import AnotherLog, Fenced, Misconfigured, OffsetLost, Transient
from consumer.model.event import Batch
from consumer.model.position import Claim, Fence, IntOffset, LogIdentity, Offset, Partition
from consumer.model.seal import Seal
from consumer.model.start import BEGINNING, Start
from consumer.ports.read_model import Transaction
from tests.doubles import CHAINS, Chained, Engine, Folded, ScriptedSource

ORDERS = Partition("orders", 0)
LOG = LogIdentity("log", 1)


class Stores:
    """Both stores of a projection, and workers that claim in them."""

    def __init__(self) -> None:
        self.offsets = MemoryOffsetStore()
        self.read_model = MemoryReadModel()

    def claim(self, *, log: LogIdentity = LOG, first: int = -1) -> Taken:
        """As a process does that has just started."""
        inside = Transacting(Chained(), self.read_model)
        claiming = Claiming("chained", self.offsets, inside)
        return claiming.claim(ORDERS, owner="me", log=log, first=lambda: IntOffset(first))

    def moved(self, taken: Taken, through: int) -> Fence:
        """As a batch moves the read model's offset, and nothing the offset store's."""
        fence = taken.holding.fence(IntOffset(through))
        with self.read_model.transaction(fence) as transaction:
            transaction.write(CHAINS, [(str(ORDERS), "rows")])
        return fence

    @property
    def kept(self) -> tuple[int, Offset | None]:
        """Epoch and offset of the offset store."""
        checkpoint = self.offsets.get("chained", ORDERS)
        assert checkpoint is not None
        return checkpoint.epoch, checkpoint.offset

    @property
    def sealed(self) -> tuple[int, Offset | None]:
        """Epoch and offset of the read model."""
        seal = self.read_model.sealed("chained", ORDERS)
        assert seal is not None
        return seal.epoch, seal.offset


@pytest.fixture
def stores() -> Stores:
    return Stores()


def test_a_first_start_is_recorded_in_both_stores(stores: Stores) -> None:
    taken = stores.claim(first=6)

    assert taken.began
    assert taken.holding.offset == IntOffset(6)
    assert stores.sealed == stores.kept == (1, IntOffset(6))


def test_a_start_that_only_the_read_model_heard_of_is_not_decided_again(stores: Stores) -> None:
    class Deaf(MemoryOffsetStore):
        def commit(self, claim: Claim, expected: Offset | None, offset: Offset) -> None:
            raise Transient("away")

    stores.offsets = Deaf()
    with pytest.raises(Transient):
        stores.claim(first=6)
    stores.offsets = MemoryOffsetStore()

    assert stores.claim(first=99).holding.offset == IntOffset(6)
    assert stores.kept == (2, IntOffset(6))


def test_what_the_read_model_applied_and_the_offset_store_did_not_hear_is_not_applied_again(
    stores: Stores,
) -> None:
    stores.moved(stores.claim(), 41)

    taken = stores.claim()

    assert not taken.began
    assert taken.holding.offset == IntOffset(41)
    assert stores.kept == (2, IntOffset(41))


def test_an_offset_store_that_lost_everything_is_made_anew_from_the_read_model(
    stores: Stores,
) -> None:
    for _ in range(3):
        stores.claim()
    stores.moved(stores.claim(), 41)
    stores.offsets = MemoryOffsetStore()

    taken = stores.claim()

    assert taken.holding.claim.epoch == 5
    assert taken.holding.offset == IntOffset(41)
    assert stores.kept == stores.sealed == (5, IntOffset(41))


def test_an_added_partition_is_still_known_after_the_offset_store_lost_everything(
    stores: Stores,
) -> None:
    stores.claim(log=LogIdentity("log", 4))
    stores.offsets = MemoryOffsetStore()
    stores.claim(log=LogIdentity("log", 6))

    checkpoint = stores.offsets.get("chained", ORDERS)
    assert checkpoint is not None
    assert checkpoint.log == LogIdentity("log", 4)


def test_an_added_partition_is_read_whole_though_nobody_has_claimed_the_eldest_since_the_loss(
    stores: Stores,
) -> None:
    stores.claim(log=LogIdentity("log", 1))
    stores.offsets = MemoryOffsetStore()
    source = ScriptedSource(Partition("orders", 1))
    source.log = LogIdentity("log", 2)

    Engine(
        source, stores.offsets, Chained(), read_model=stores.read_model, start=Start("end")
    ).run()

    assert source.firsts == [BEGINNING]


@pytest.mark.parametrize("sealed", [None, 7])
def test_a_read_model_behind_the_offset_store_is_a_loss_and_not_jumped(
    stores: Stores, sealed: int | None
) -> None:
    if sealed is None:
        claim = stores.offsets.claim("chained", ORDERS, owner="me", log=LOG)
    else:
        claim = stores.claim(first=sealed).holding.claim
    stores.offsets.commit(claim, None if sealed is None else IntOffset(7), IntOffset(41))

    with pytest.raises(OffsetLost, match=r"orders/0, and the offset store is at 41"):
        stores.claim()
    with pytest.raises(OffsetLost):  # and still is one when asked again
        stores.claim()
    checkpoint = stores.offsets.get("chained", ORDERS)
    assert checkpoint is not None
    assert checkpoint.condition.state == "halted"
    assert "the offset store is at 41" in checkpoint.condition.reason


def test_a_reset_that_ended_before_the_offset_store_moved_is_finished_by_the_next_claim(
    stores: Stores,
) -> None:
    taken = stores.claim()
    stores.moved(taken, 41)
    taken.holding.advance(IntOffset(41))
    with stores.read_model.reset("chained", {ORDERS: Seal(2, "", LOG, IntOffset(-1))}):
        pass

    assert stores.claim().holding.offset == IntOffset(-1)
    assert stores.kept == stores.sealed == (3, IntOffset(-1))


def test_rows_of_another_log_are_not_gone_on_with_though_the_offset_store_forgot(
    stores: Stores,
) -> None:
    stores.moved(stores.claim(), 41)
    stores.offsets = MemoryOffsetStore()

    with pytest.raises(AnotherLog):
        stores.claim(log=LogIdentity("made anew", 1))


def test_who_claims_fences_who_held_the_rows(stores: Stores) -> None:
    zombie = stores.claim()
    stores.moved(stores.claim(), 5)

    with pytest.raises(Fenced, match=r"orders/0 from -1 to 9 under epoch 1"):
        stores.moved(zombie, 9)
    assert stores.sealed == (2, IntOffset(5))


def test_a_write_under_an_old_epoch_is_refused_though_it_follows_where_the_rows_stand(
    stores: Stores,
) -> None:
    zombie = stores.claim()
    stores.claim()

    with pytest.raises(Fenced):
        stores.moved(zombie, 0)
    assert stores.sealed == (2, IntOffset(-1))


def test_a_commit_that_finds_nothing_in_the_offset_store_joins_again_and_halts_nothing(
    stores: Stores,
) -> None:
    taken = stores.claim()
    stores.offsets._custodies.clear()

    with pytest.raises(Fenced):
        taken.holding.advance(IntOffset(3))


STEPS = ("sealed", "get", "claim", "seal", "begin", "commit")


class Dies(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_claim_that_was_killed_at_any_step_is_made_good_by_the_next(
    stores: Stores, step: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = stores.read_model if hasattr(stores.read_model, step) else stores.offsets
    does = getattr(place, step)

    def dying(*given: Any, **named: Any) -> Any:
        if when == "after":
            does(*given, **named)
        raise Dies

    with monkeypatch.context() as patch:
        patch.setattr(place, step, dying)
        with pytest.raises(Dies):
            stores.claim(first=6)

    taken = stores.claim(first=6)
    assert taken.holding.offset == IntOffset(6)
    assert stores.kept == stores.sealed
    assert stores.kept[1] == IntOffset(6)
    stores.moved(taken, 7)


def test_the_same_claim_is_sealed_twice_and_another_of_its_epoch_is_not(stores: Stores) -> None:
    claim = Claim("chained", ORDERS, 4, "token", None)
    seal = stores.read_model.seal(claim, LOG)

    assert stores.read_model.seal(claim, LOG) == seal
    with pytest.raises(Fenced, match="epoch 4"):
        stores.read_model.seal(Claim("chained", ORDERS, 4, "another", None), LOG)


# --- a projector and its read model ---


def test_a_projector_that_keeps_rows_needs_a_read_model() -> None:
    with pytest.raises(Misconfigured, match="chained keeps its rows in a read model: name one"):
        transacting(Chained(), None)


def test_a_projector_that_writes_by_itself_takes_none() -> None:
    with pytest.raises(Misconfigured, match="folded writes by itself"):
        transacting(Folded(), MemoryReadModel())


def test_a_projector_of_one_database_is_not_given_another() -> None:
    projector = Chained()
    projector.read_models = {"postgresql"}
    with pytest.raises(
        Misconfigured, match=r"cannot write memory: it takes another one \(postgresql\)"
    ):
        transacting(projector, MemoryReadModel())


def test_a_runner_counts_an_event_once_though_its_commit_to_the_offset_store_failed() -> None:
    class Fails(MemoryOffsetStore):
        fails = 0

        def commit(self, claim: Claim, expected: Offset | None, offset: Offset) -> None:
            if self.fails:
                self.fails -= 1
                raise Transient("away")
            super().commit(claim, expected, offset)

    log, offsets, read_model = MemoryEventLog("orders"), Fails(), MemoryReadModel()
    with Runner(log, offsets, Chained(), read_model=read_model) as runner:
        log.append("Counted", 1)
        runner.apply_since()
        offsets.fails = 1
        log.append("Counted", 2)
        with pytest.raises(Transient):
            runner.apply_since()
    with Runner(log, offsets, Chained(), read_model=read_model) as another:
        log.append("Counted", 3)
        another.apply_since()

    assert read_model.rows(CHAINS) == [("orders/0", "1 2 3")]


def test_a_runner_moves_the_read_models_offset_past_what_the_projector_does_not_handle() -> None:
    log, read_model = MemoryEventLog("orders"), MemoryReadModel()
    projector = Chained()
    projector.handles = ("Counted",)
    log.append("Ignored", 1)
    with Runner(log, MemoryOffsetStore(), projector, read_model=read_model) as runner:
        runner.apply_since()

    seal = read_model.sealed("chained", ORDERS)
    assert seal is not None
    assert seal.offset == IntOffset(0)


def test_a_runner_with_a_time_limit_runs_the_transaction_on_its_thread() -> None:
    log, read_model = MemoryEventLog("orders"), MemoryReadModel()
    log.append("Counted", 1)
    with Runner(log, MemoryOffsetStore(), Chained(), read_model=read_model, timeout=30) as runner:
        runner.apply_since()

    assert read_model.rows(CHAINS) == [("orders/0", "1")]


def test_a_projector_that_fails_to_set_up_is_tried_again_and_its_text_is_not_told(
    stores: Stores,
) -> None:
    class Fails(Chained):
        def prepare(self, transaction: Transaction) -> None:
            raise ValueError("payload 4711")

    told = "chained raised ValueError at .* prepare while it was set up"
    with pytest.raises(Transient, match=told) as raised:
        Transacting(Fails(), stores.read_model).setup()
    assert "4711" not in str(raised.value)


def test_a_row_that_its_table_does_not_take_is_told_when_a_projector_is_set_up(
    stores: Stores,
) -> None:
    class Fails(Chained):
        def prepare(self, transaction: Transaction) -> None:
            transaction.write(CHAINS, [("orders/0", 5)])

    told = "chained raised RowRefused: .*column seen of the table chains .* while it was set up"
    with pytest.raises(Transient, match=told):
        Transacting(Fails(), stores.read_model).setup()


def test_a_coroutine_that_nobody_would_wait_for_is_refused_and_no_offset_moves() -> None:
    class Sleeps(Chained):
        async def project(self, batch: Batch, transaction: Transaction) -> None:  # type: ignore[override]
            raise AssertionError

    log, read_model = MemoryEventLog("orders"), MemoryReadModel()
    log.append("Counted", 1)
    with (
        Runner(log, MemoryOffsetStore(), Sleeps(), read_model=read_model) as runner,
        pytest.raises(Misconfigured, match=r"chained.project is a coroutine"),
    ):
        runner.apply_since()
    seal = read_model.sealed("chained", ORDERS)
    assert seal is not None
    assert seal.offset == IntOffset(-1)


def test_a_runner_whose_transaction_was_answered_too_late_is_not_fenced_by_itself() -> None:
    class LosesReplies(MemoryReadModel):
        loses = 1

        def _take(self, *given: Any) -> None:
            super()._take(*given)
            if self.loses:
                self.loses -= 1
                raise Transient("the answer was lost")

    log, read_model = MemoryEventLog("orders"), LosesReplies()
    log.append("Counted", 1)
    with Runner(log, MemoryOffsetStore(), Chained(), read_model=read_model) as runner:
        with pytest.raises(Transient):
            runner.apply_since()
        log.append("Counted", 2)
        runner.apply_since()

    assert read_model.rows(CHAINS) == [("orders/0", "1 2")]
