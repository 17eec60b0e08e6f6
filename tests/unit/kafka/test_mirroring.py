"""What the group is shown, and when, on a client that writes down what it is told to commit."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumer.adapters.kafka import mirroring as module
from consumer.adapters.kafka.mirroring import Mirroring
from consumer.model.position import IntOffset, Partition, StreamOffset
from tests.contracts.kafka_room import Recording

ONE, TWO = Partition("t", 1), Partition("t", 2)
#: What a coordinator says to a member that is not up to date (F7).
REFUSALS = [
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
]


class Place(NamedTuple):
    """A `TopicPartition` as it comes in an answer; one's own cannot bear an error."""

    topic: str
    partition: int
    offset: int
    error: KafkaError | None


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class Client:
    """Commits are written down; answers come when a test gives them, or at each poll."""

    def __init__(self, clock: Clock) -> None:
        self.commits: list[dict[Partition, int]] = []
        self.clock = clock
        self.broken: Exception | None = None
        self.answers: Any = None

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> None:
        assert asynchronous
        if self.broken is not None:
            raise self.broken
        self.commits.append({Partition(at.topic, at.partition): at.offset for at in offsets})

    def poll(self, seconds: float) -> None:
        self.clock.now += seconds
        if self.answers is not None:
            self.answers()


class Room:
    def __init__(self, clock: Clock, *, is_wanted: bool = True) -> None:
        self.clock, self.membership = clock, Recording()
        self.client: Any = Client(clock)
        self.mirroring = Mirroring(self.membership, is_wanted=is_wanted)

    def turn(self, seconds: float = 0.0) -> None:
        self.clock.now += seconds
        self.mirroring.show(self.client)

    def answer(self, code: int | None = None, *, each: int | None = None) -> None:
        """Of the last commit: an error of the whole, or of each partition."""
        wrong = None if each is None else KafkaError(each)
        places: list[Any] = [
            Place(partition.topic, partition.number, offset, wrong)
            for partition, offset in self.commits[-1].items()
        ]
        self.mirroring.answered(None if code is None else KafkaError(code), places)

    @property
    def commits(self) -> list[dict[Partition, int]]:
        commits: list[dict[Partition, int]] = self.client.commits
        return commits


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return Room(clock)


def test_what_is_shown_is_the_next_offset_of_the_latest_checkpoint(room: Room) -> None:
    room.mirroring.owes(ONE, IntOffset(3))
    room.mirroring.owes(ONE, IntOffset(7))
    room.mirroring.owes(TWO, IntOffset(-1))
    room.turn()
    assert room.commits == [{ONE: 8, TWO: 0}]


def test_it_is_shown_at_most_once_a_second_and_only_what_is_new(room: Room) -> None:
    room.mirroring.owes(ONE, IntOffset(3))
    room.turn()
    room.answer()
    room.mirroring.owes(TWO, IntOffset(5))
    room.turn(0.5)
    assert len(room.commits) == 1
    room.turn(0.6)
    assert room.commits[1:] == [{TWO: 6}]
    room.answer()
    room.turn(5)
    assert len(room.commits) == 2
    assert room.membership.unshown == []


def test_what_moved_on_while_it_was_under_way_is_shown_next(room: Room) -> None:
    room.mirroring.owes(ONE, IntOffset(3))
    room.turn()
    room.mirroring.owes(ONE, IntOffset(9))
    room.turn(2)
    assert len(room.commits) == 1, "one is under way at a time"
    room.answer()
    room.turn()
    assert room.commits[1:] == [{ONE: 10}]


@pytest.mark.parametrize("code", REFUSALS)
def test_what_is_refused_is_told_kept_and_tried_again(room: Room, code: int) -> None:
    room.mirroring.owes(ONE, IntOffset(3))
    room.turn()
    room.answer(code)
    (told,) = room.membership.unshown
    assert KafkaError(code).str() in str(told)
    room.turn(1.1)
    assert len(room.commits) == 1, "not at once"
    room.turn(5)
    assert room.commits[1:] == [{ONE: 4}]
    room.answer()
    room.turn(10)
    assert len(room.commits) == 2
    assert len(room.membership.unshown) == 1


def test_an_error_of_one_partition_counts_for_that_one(room: Room) -> None:
    room.mirroring.owes(ONE, IntOffset(3))
    room.turn()
    room.answer(each=KafkaError.TOPIC_AUTHORIZATION_FAILED)
    assert len(room.membership.unshown) == 1
    room.turn(6)
    assert room.commits[1:] == [{ONE: 4}]


def test_a_client_that_cannot_commit_is_told_and_asked_again(room: Room) -> None:
    room.client.broken = KafkaException(KafkaError(KafkaError._STATE))
    room.mirroring.owes(ONE, IntOffset(3))
    room.turn()
    assert len(room.membership.unshown) == 1
    room.client.broken = None
    room.turn(6)
    assert room.commits == [{ONE: 4}]


def test_silence_is_told_again_and_again_until_there_is_an_answer(room: Room) -> None:
    room.mirroring.owes(ONE, IntOffset(3))
    room.turn()
    for _ in range(3):
        room.turn(11)
    assert len(room.membership.unshown) == 3
    room.answer()
    room.mirroring.owes(ONE, IntOffset(4))
    room.turn(6)
    assert room.commits[1:] == [{ONE: 5}]


def test_what_is_given_back_is_shown_at_once_and_not_thought_of_again(room: Room) -> None:
    room.mirroring.owes(ONE, IntOffset(3))
    room.mirroring.owes(TWO, IntOffset(5))
    room.mirroring.gives_back(room.client, [ONE])
    assert room.commits == [{ONE: 4}]
    room.answer(KafkaError.REBALANCE_IN_PROGRESS)
    assert room.membership.unshown == [], "whoever claims it shows it"
    room.turn(2)
    assert room.commits[1:] == [{TWO: 6}]


def test_what_others_own_is_not_shown(room: Room) -> None:
    room.mirroring.owes(ONE, IntOffset(3))
    room.mirroring.forgets([ONE])
    room.turn()
    assert room.commits == []


def test_leaving_shows_the_last_and_waits_for_the_answer(room: Room) -> None:
    room.mirroring.owes(ONE, IntOffset(3))
    room.turn()
    room.mirroring.owes(ONE, IntOffset(9))
    room.client.answers = room.answer
    assert room.mirroring.flush(room.client)
    assert room.commits == [{ONE: 4}, {ONE: 10}]
    assert room.membership.unshown == []


def test_leaving_waits_for_no_answer_for_ever(room: Room) -> None:
    room.mirroring.owes(ONE, IntOffset(3))
    began = room.clock.now
    assert not room.mirroring.flush(room.client)
    assert room.clock.now - began < 3
    assert len(room.membership.unshown) == 1
    room.answer(KafkaError._WAIT_COORD)
    assert len(room.membership.unshown) == 1, "nobody listens any more"


def test_leaving_tries_once_where_it_is_refused(room: Room) -> None:
    room.mirroring.owes(ONE, IntOffset(3))
    room.client.answers = lambda: room.answer(KafkaError.UNKNOWN_MEMBER_ID)
    assert room.mirroring.flush(room.client)
    assert len(room.commits) == 1
    assert len(room.membership.unshown) == 1


def test_what_nobody_wants_to_see_is_not_shown() -> None:
    room = Room(Clock(), is_wanted=False)
    room.mirroring.owes(ONE, IntOffset(3))
    room.turn()
    room.mirroring.gives_back(room.client, [ONE])
    assert room.mirroring.flush(room.client)
    assert room.commits == []


def test_an_offset_of_another_kind_of_log_is_not_shown(room: Room) -> None:
    room.mirroring.owes(ONE, StreamOffset(1, 2))
    room.turn()
    assert room.commits == []
