"""What a worker leaves word of: in the checkpoint's record, in the broker's group, to those who watch."""

from __future__ import annotations

import pytest

from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.engine import assignments as assignments_module
from consumer.errors import Transient
from consumer.model.condition import Condition
from consumer.model.facts import Applied, Halted, Joined, Unmirrored
from consumer.model.position import Checkpoint, Claim, IntOffset, Partition
from tests.doubles import Engine, Folded, ScriptedSource

P0, P1 = Partition("numbers", 0), Partition("numbers", 1)


class NotedOffsets(MemoryOffsetStore):
    """Remembers the words left, and refuses as many as a test says."""

    def __init__(self, *, refused: int = 0) -> None:
        super().__init__()
        self.refused = refused
        self.noted: list[tuple[Partition, Condition]] = []

    def note(self, claim: Claim, condition: Condition) -> None:
        if self.refused:
            self.refused -= 1
            raise Transient("Redis is away")
        super().note(claim, condition)
        self.noted.append((claim.partition, condition))


def condition(offsets: MemoryOffsetStore, partition: Partition) -> Condition:
    checkpoint = offsets.get("folded", partition)
    assert checkpoint is not None
    return checkpoint.condition


@pytest.fixture
def source() -> ScriptedSource:
    return ScriptedSource(P0, P1)


def test_a_halt_is_left_word_of_with_its_reason_and_outlives_the_worker(
    source: ScriptedSource,
) -> None:
    source.add(P0, 1, b"no json")
    source.add(P1, 2)
    offsets = NotedOffsets()
    Engine(source, offsets, Folded()).run()
    found = condition(offsets, P0)
    assert (found.state, found.reason[:24]) == ("halted", "Undecodable: numbers/0 a")
    assert found.since is not None
    assert condition(offsets, P1).state == "running"


def test_a_wait_is_left_word_of_and_the_commit_that_ends_it_says_so(source: ScriptedSource) -> None:
    source.add(P0, 1)
    offsets = NotedOffsets()
    Engine(source, offsets, Folded(Transient("the store is away"))).run()
    assert [(p, c.state, c.reason) for p, c in offsets.noted] == [
        (P0, "waiting", "Transient: the store is away")
    ]
    assert condition(offsets, P0).state == "running"


def test_what_an_error_of_a_projector_quotes_is_not_left_in_the_record(
    source: ScriptedSource,
) -> None:
    source.add(P0, 1)
    offsets = NotedOffsets()
    Engine(source, offsets, Folded(ValueError("card 4111"))).run()
    ((_, left),) = offsets.noted
    assert "ApplyFailed" in left.reason
    assert "4111" not in left.reason


def test_a_halt_that_could_not_be_told_is_told_later(
    source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assignments_module, "_NOTE_AGAIN", 0.0)
    source.add(P0, b"no json")
    offsets = NotedOffsets(refused=2)
    engine = Engine(source, offsets, Folded())
    for _ in range(5):
        source.membership or source.open(engine.assignments)
        engine.worker.turn()
    assert [(p, c.state) for p, c in offsets.noted] == [(P0, "halted")]


def test_a_store_that_takes_no_word_stops_nothing(source: ScriptedSource) -> None:
    source.add(P0, 1, b"no json")
    source.add(P1, 2)
    folded = Folded(Transient("away"))
    Engine(source, NotedOffsets(refused=1_000), folded).run()
    assert sorted(folded.numbers) == [1, 2]


def test_a_commit_that_could_not_be_sent_is_not_left_word_of(source: ScriptedSource) -> None:
    """The store that would take the word is the one that is away."""

    class Away(NotedOffsets):
        fails = 1

        def commit(self, claim: Claim, expected: object, offset: object) -> None:
            if expected is not None and self.fails:
                self.fails -= 1
                raise Transient("Redis is away")
            super().commit(claim, expected, offset)  # type: ignore[arg-type]

    source.add(P0, 1)
    offsets = Away()
    Engine(source, offsets, Folded()).run()
    assert offsets.noted == []


def test_a_store_that_is_away_is_asked_once_in_a_while_however_many_partitions_halted() -> None:
    source = ScriptedSource(*(Partition("numbers", n) for n in range(30)))
    for partition in source.values:
        source.add(partition, b"no json")
    offsets = NotedOffsets(refused=1_000)
    engine = Engine(source, offsets, Folded())
    assert len(engine.run().of(Halted)) == 30
    assert 1_000 - offsets.refused == 1


def test_each_move_of_a_checkpoint_is_mirrored_after_its_commit(source: ScriptedSource) -> None:
    source.add(P0, 1, 2, 3, 4)
    offsets = NotedOffsets()
    committed = []
    mirror = source.mirror

    def mirrored(partition: Partition, offset: object) -> None:
        checkpoint = offsets.get("folded", partition)
        committed.append(checkpoint and checkpoint.offset == offset)
        mirror(partition, offset)  # type: ignore[arg-type]

    source.mirror = mirrored  # type: ignore[method-assign]
    Engine(source, offsets, Folded()).run()
    assert committed == [True, True]
    assert source.mirrored == {P0: IntOffset(3)}


def test_a_mirror_that_fails_is_told_of(source: ScriptedSource) -> None:
    engine = Engine(source, NotedOffsets(), Folded())
    cause = Transient("not the coordinator")
    source.before_poll = lambda: source.membership and source.membership.unmirrored(cause)
    assert engine.run().of(Unmirrored)[0] == Unmirrored(cause)


def test_a_worker_says_once_a_membership_that_it_joined_also_without_partitions() -> None:
    source = ScriptedSource()
    assert Engine(source, NotedOffsets(), Folded()).run().verbs() == [
        "Started",
        "Joined",
        "Stopped",
    ]


def test_what_an_apply_and_a_commit_took_is_told_apart(source: ScriptedSource) -> None:
    source.add(P0, 1)
    (applied,) = Engine(source, NotedOffsets(), Folded()).run().of(Applied)
    assert isinstance(applied, Applied)
    assert 0 < applied.apply_seconds < applied.seconds
    assert 0 < applied.commit_seconds < applied.seconds


def test_the_loop_is_silent_only_while_it_does_not_come_round(source: ScriptedSource) -> None:
    engine = Engine(source, NotedOffsets(), Folded())
    heard: list[float] = []
    source.add(P0, *range(9))
    source.before_poll = lambda: heard.append(engine.worker.silence())
    assert len(engine.run().of(Joined)) == 1
    assert max(heard) < 1.0


class TestAnIdleWorker:
    """Nothing comes, so no commit tells it that its claim is gone."""

    @pytest.fixture(autouse=True)
    def _at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(assignments_module, "_CONFIRMED_FOR", 0.0)
        monkeypatch.setattr(assignments_module, "_CONFIRM_EVERY", 0.0)

    def test_hears_that_its_offsets_were_moved_and_reads_from_there(
        self, source: ScriptedSource
    ) -> None:
        source.add(P0, 1, 2, 3)
        offsets, folded = NotedOffsets(), Folded()
        engine = Engine(source, offsets, folded)
        moves = [IntOffset(0)]

        def move_when_idle() -> None:
            if source.is_at_end(P0) and moves:
                offsets.move("folded", P0, moves.pop(), log=source.log)

        source.before_poll = move_when_idle
        engine.worker._finished = lambda: not moves and len(folded.numbers) == 5
        seen = engine.run()
        assert folded.numbers == [1, 2, 3, 2, 3]
        assert "Rejoining" in seen.verbs()

    def test_waits_out_a_store_that_does_not_answer(self, source: ScriptedSource) -> None:
        class Away(NotedOffsets):
            asked = 0

            def get(self, projection: str, partition: Partition) -> Checkpoint | None:
                if len(source.claims) < 2:
                    return super().get(projection, partition)
                self.asked += 1
                raise Transient("Redis is away")

        source.add(P0, 1)
        offsets = Away()
        engine = Engine(source, offsets, Folded())
        engine.worker._finished = lambda: offsets.asked > 3
        assert "Rejoining" not in engine.run().verbs()
        assert engine.seen.verbs().count("Claimed") == 2


def test_a_worker_that_the_fleet_does_not_count_in_any_more_says_so(
    source: ScriptedSource,
) -> None:
    engine = Engine(source, NotedOffsets(), Folded())
    answers = [True, False, True]
    source.joined = lambda: answers.pop(0) if answers else True  # type: ignore[method-assign]
    engine.worker._finished = lambda: not answers
    told = [verb for verb in engine.run().verbs() if verb in {"Joined", "Left"}]
    assert told == ["Joined", "Left", "Joined"]
