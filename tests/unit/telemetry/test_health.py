"""What probes are told, through a worker's whole life."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.errors import Fenced, SourceFailed, Transient
from consumer.model.facts import (
    Delayed,
    Joined,
    Lagged,
    Left,
    Rejoining,
    Resumed,
    Started,
    Stopped,
    Unmeasured,
)
from consumer.model.position import Partition
from consumer.telemetry import health as health_module
from consumer.telemetry.health import Answer, Health
from tests.doubles import Engine, Folded, ScriptedSource


class Watched:
    """A health, and the worker's part played by the test."""

    def __init__(self, limit: float = 60.0) -> None:
        self.drains = False
        self.silence = 0.0
        self.trouble: Exception | None = None
        self.health = Health(limit, draining=lambda: self.drains)

    def is_made(self) -> Watched:
        self.health.watch(lambda: self.silence, lambda: self.trouble)
        return self

    def joins(self) -> Watched:
        self.is_made()
        self.health.happened(Started("me"))
        self.health.happened(Joined())
        return self


def test_while_servers_are_waited_for_it_lives_and_is_not_ready() -> None:
    watched = Watched()
    assert watched.health.live().ok
    assert not watched.health.ready().ok

    watched.health.happened(Delayed(0.1, Transient("Redis is away")))

    assert watched.health.live().ok
    answer = watched.health.ready()
    assert not answer.ok
    assert "waiting to start: Transient: Redis is away" in answer.reason
    assert re.search(r"since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer.reason)


def test_it_is_ready_once_the_fleet_took_it_in_though_it_has_no_partition() -> None:
    watched = Watched().is_made()
    watched.health.happened(Started("me"))
    assert "waiting for the fleet" in watched.health.ready().reason
    watched.health.happened(Joined())
    answer = watched.health.ready()
    assert answer.ok
    assert answer.reason.startswith("joined")


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        (Rejoining(0.1, Fenced("orders/1 is another's")), "Fenced: orders/1 is another's"),
        (Rejoining(0.1, SourceFailed("broken")), "SourceFailed: broken"),
        (Stopped(), "stopped"),
    ],
    ids=["fenced", "source failed", "stopped"],
)
def test_who_left_is_not_ready_and_says_why(fact: Rejoining | Stopped, reason: str) -> None:
    watched = Watched().joins()
    watched.health.happened(fact)
    assert watched.health.live().ok
    answer = watched.health.ready()
    assert not answer.ok
    assert reason in answer.reason


def test_who_is_no_longer_counted_in_is_not_ready_until_it_is_again() -> None:
    watched = Watched().joins()
    watched.health.happened(Left())
    for _ in range(2):
        assert watched.health.live().ok
        answer = watched.health.ready()
        assert not answer.ok
        assert answer.reason.startswith("waiting to be counted in again")
        watched.health.happened(Resumed(Partition("orders", 0), 7, 2))
    watched.health.happened(Joined())
    assert watched.health.ready().ok


def test_who_joined_again_is_ready_again() -> None:
    watched = Watched().joins()
    watched.health.happened(Rejoining(0.1, Fenced("x")))
    watched.health.happened(Joined())
    assert watched.health.ready().ok


def test_a_worker_that_waits_for_the_offset_store_lives_and_is_not_ready() -> None:
    watched = Watched().joins()
    watched.trouble = Transient("Redis is away")
    assert watched.health.live().ok
    answer = watched.health.ready()
    assert not answer.ok
    assert "the offset store does not answer: Transient: Redis is away" in answer.reason
    watched.trouble = None
    assert watched.health.ready().ok


def test_who_is_not_in_the_fleet_says_so_though_the_offset_store_does_not_answer_either() -> None:
    watched = Watched().joins()
    watched.trouble = Transient("Redis is away")
    watched.health.happened(Rejoining(0.1, SourceFailed("broken")))
    assert "SourceFailed: broken" in watched.health.ready().reason


def test_of_foreign_errors_a_probe_tells_the_type_alone() -> None:
    watched = Watched().joins()
    watched.trouble = KeyError("jane@example.com")
    assert "jane" not in watched.health.ready().reason


def test_a_worker_that_drains_lives_and_is_not_ready() -> None:
    watched = Watched().joins()
    watched.drains = True
    assert watched.health.live().ok
    answer = watched.health.ready()
    assert not answer.ok
    assert "draining" in answer.reason


class Clock:
    """In place of `datetime`: the time is what the test says."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

    def now(self, _: object) -> datetime:
        return self.time

    def passes(self) -> None:
        self.time += timedelta(minutes=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(health_module, "datetime", made)
    return made


def test_since_when_is_told_from_the_first_time_that_the_reason_held(clock: Clock) -> None:
    watched = Watched()
    for _ in range(3):
        clock.passes()
        watched.health.happened(Delayed(0.1, Transient("Redis is away")))
    assert "since 2026-11-23T10:01:00Z" in watched.health.ready().reason

    watched.joins()
    for minute in ("10:03", "10:03", "10:03"):
        watched.trouble = Transient("Redis is away")
        assert f"since 2026-11-23T{minute}:00Z" in watched.health.ready().reason
        clock.passes()

    watched.trouble = None
    assert watched.health.ready().ok
    watched.trouble = Transient("Redis is away again")
    assert "since 2026-11-23T10:06:00Z" in watched.health.ready().reason

    watched.drains = True
    assert "since 2026-11-23T10:06:00Z" in watched.health.ready().reason
    clock.passes()
    assert "since 2026-11-23T10:06:00Z" in watched.health.ready().reason


def test_a_second_outage_is_told_from_its_own_beginning_though_no_probe_came_between(
    clock: Clock,
) -> None:
    watched = Watched().joins()
    watched.trouble = Transient("Redis is away")
    assert "since 2026-11-23T10:00:00Z" in watched.health.ready().reason

    clock.passes()
    watched.trouble = Transient("Redis refuses the password")
    assert "since 2026-11-23T10:01:00Z" in watched.health.ready().reason


@pytest.mark.parametrize("sees", ["a fact", "another fact", "a probe for life"])
def test_that_an_outage_ended_is_seen_between_the_probes(sees: str, clock: Clock) -> None:
    watched = Watched().joins()
    looks: dict[str, Callable[[], object]] = {
        "a fact": lambda: watched.health.happened(Lagged({})),
        "another fact": lambda: watched.health.happened(Resumed(Partition("orders", 0), 7, 2)),
        "a probe for life": watched.health.live,
    }
    watched.trouble = Transient("Redis is away")
    assert "since 2026-11-23T10:00:00Z" in watched.health.ready().reason
    watched.trouble = None
    looks[sees]()
    clock.passes()
    watched.trouble = Transient("Redis is away")
    assert "since 2026-11-23T10:01:00Z" in watched.health.ready().reason


def silent_for(watched: Watched, seconds: float, monkeypatch: pytest.MonkeyPatch) -> Answer:
    watched.silence = seconds
    heard = watched.health._heard_at
    monkeypatch.setattr("time.monotonic", lambda: heard + seconds)
    return watched.health.live()


def test_a_loop_that_is_silent_for_too_long_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(limit=60.0).joins()
    assert silent_for(watched, 59.0, monkeypatch).ok
    answer = silent_for(watched, 61.0, monkeypatch)
    assert not answer.ok
    assert "61 s" in answer.reason


def test_the_rest_before_joining_again_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(limit=60.0).joins()
    watched.health.happened(Rejoining(300.0, SourceFailed("x")))
    assert silent_for(watched, 359.0, monkeypatch).ok
    assert not silent_for(watched, 361.0, monkeypatch).ok
    watched.health.happened(Joined())
    assert not silent_for(watched, 61.0, monkeypatch).ok


def test_a_fact_on_the_loops_thread_is_a_sign_of_life_and_a_lag_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As while claims of many partitions time out one after the other, within one poll.
    watched = Watched(limit=60.0).joins()
    watched.silence = 1000.0
    assert watched.health.live().ok

    heard = watched.health._heard_at
    monkeypatch.setattr("time.monotonic", lambda: heard + 1000.0)
    watched.health.happened(Lagged({}))
    watched.health.happened(Unmeasured(Transient("x")))
    assert not watched.health.live().ok


def test_a_worker_whose_apply_hangs_is_not_alive() -> None:
    applying, go_on = threading.Event(), threading.Event()

    class Hanging(Folded):
        def apply(self, batch: object) -> None:
            applying.set()
            go_on.wait()

    source = ScriptedSource(Partition("orders", 0))
    source.add(Partition("orders", 0), 1)
    worker = Engine(source, MemoryOffsetStore(), Hanging()).worker
    health = Health(0.0, draining=lambda: False)
    health.watch(worker.silence, lambda: None)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        applying.wait()
        assert not health.live().ok
        assert "hangs" in health.live().reason
    finally:
        go_on.set()
        thread.join()
