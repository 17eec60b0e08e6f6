"""Asking for what the group gave us, without brokers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from consumer.adapters.kafka.assignment import Assignment, Held
from consumer.adapters.kafka.claiming import Claiming
from consumer.errors import Transient
from consumer.model.position import LogIdentity
from tests.contracts.kafka_room import Recording

NOBODY: Any = None
LOG = LogIdentity("c/t", 100)


class Counting(Assignment):
    """Counts how often all that we hold was gone through."""

    rounds = 0

    def __iter__(self) -> Iterator[Held]:
        self.rounds += 1
        return super().__iter__()


def test_a_round_goes_through_the_assignment_once_however_much_stays_unclaimed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "consumer.adapters.kafka.identity.identities", lambda _, them: dict.fromkeys(them, LOG)
    )
    assignment, membership = Counting(), Recording(refusals=-1)
    assignment.arrived([("t", number) for number in range(100)])
    claiming = Claiming(NOBODY, NOBODY, membership, assignment, NOBODY)
    claiming.ask()
    assert len(membership.asked) == 100
    assert assignment.rounds == 1


def test_that_no_broker_tells_which_log_it_is_is_told_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def silent(*_: object) -> dict[str, LogIdentity]:
        raise Transient("Kafka did not answer: timed out")

    monkeypatch.setattr("consumer.adapters.kafka.identity.identities", silent)
    assignment, membership = Assignment(), Recording()
    assignment.arrived([("quiet", 0)])
    claiming = Claiming(NOBODY, NOBODY, membership, assignment, NOBODY)
    claiming.ask()
    claiming.ask()
    assert membership.asked == []
    (line,) = caplog.messages
    assert line.startswith("quiet/")
    assert line.endswith("Kafka did not answer: timed out")
