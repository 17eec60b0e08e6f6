"""Topics that may have been made anew, without brokers."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from consumer.adapters.kafka import another_log
from consumer.adapters.kafka.another_log import Sameness
from consumer.adapters.kafka.assignment import Assignment
from consumer.errors import AnotherLog
from consumer.model.position import Claim, IntOffset, LogIdentity, Partition
from tests.contracts.kafka_room import Recording


class Brokers:
    """Topic ids, and what was asked for."""

    def __init__(self, **ids: str) -> None:
        self.ids: Mapping[str, str] = ids
        self.asked: list[set[str]] = []

    def ids_of(self, topics: Collection[str]) -> Mapping[str, str]:
        self.asked.append(set(topics))
        return {topic: self.ids[topic] for topic in topics if topic in self.ids}


def claimed(*logs: tuple[str, int, str]) -> Assignment:
    assignment = Assignment()
    assignment.arrived([(topic, number) for topic, number, _ in logs])
    for held, (_, _, log) in zip(assignment, logs, strict=True):
        held.claim = Claim("p", held.partition, 1, "token", IntOffset(4))
        held.log = LogIdentity(log, 2)
    return assignment


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(another_log, "AGAIN_SECONDS", 0.0)


@pytest.mark.usefixtures("always")
def test_all_partitions_of_a_topic_made_anew_halt_once_and_others_go_on() -> None:
    assignment = claimed(("a", 0, "c/a/1"), ("a", 1, "c/a/1"), ("b", 0, "c/b"))
    brokers, membership = Brokers(a="a/1", b="b"), Recording()
    sameness = Sameness(brokers.ids_of, assignment, membership)
    sameness.look()
    assert membership.halts == []
    brokers.ids = {"a": "a/2", "b": "b"}
    sameness.look()
    sameness.look()
    assert membership.halts == [Partition("a", 0), Partition("a", 1)]
    cause = membership.halted[Partition("a", 0)]
    assert isinstance(cause, AnotherLog)
    assert "'c/a/1'" in str(cause)
    assert "'c/a/2'" in str(cause)
    assert [held.stuck for held in assignment] == [True, True, False]
    assert brokers.asked == [{"a", "b"}, {"a", "b"}, {"b"}]


@pytest.mark.usefixtures("always")
def test_a_topic_that_is_gone_or_of_which_nothing_is_told_goes_on() -> None:
    assignment = claimed(("a", 0, "c/a"), ("b", 0, "c/b"))
    brokers, membership = Brokers(a=""), Recording()
    Sameness(brokers.ids_of, assignment, membership).look()
    assert membership.halts == []


def test_a_log_whose_broker_told_no_identity_and_one_without_a_claim_are_not_asked_for() -> None:
    assignment = claimed(("a", 0, ""))
    assignment.arrived([("b", 0)])
    brokers = Brokers()
    Sameness(brokers.ids_of, assignment, Recording()).look()
    assert brokers.asked == []


def test_a_question_is_not_asked_again_at_once_and_less_often_still_if_nobody_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    brokers = Brokers(a="a")
    sameness = Sameness(brokers.ids_of, claimed(("a", 0, "c/a")), Recording())

    def is_asked_at(seconds: float) -> bool:
        nonlocal now
        now, before = seconds, len(brokers.asked)
        sameness.look()
        return len(brokers.asked) > before

    assert [is_asked_at(at) for at in (100.0, 100.9, 101.0)] == [True, False, True]
    brokers.ids = {}
    assert [is_asked_at(at) for at in (102.0, 111.9, 112.0)] == [True, False, True]
