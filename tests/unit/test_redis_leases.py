"""When a lease counts as ours, on a clock and a table that a test holds in its hands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

import pytest

from consumer.adapters.redis import leases as under_test
from consumer.adapters.redis.leases import Heartbeat, Leases
from consumer.adapters.redis.ownership import Ownership
from consumer.adapters.redis.shares import Table
from consumer.errors import Transient
from tests.contracts.redis_room import Recording

LEASE = 10.0


class Clock:
    """Stands still until a test moves it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(under_test, "monotonic", lambda: self.now)

    def passes(self, seconds: float) -> Callable[[], None]:
        def pass_by() -> None:
            self.now += seconds

        return pass_by


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class FakeTable:
    """A lease table of one worker alone, whose owner is asked for with each beat; it can be away."""

    def __init__(self, topic: str = "orders") -> None:
        self.topic = topic
        self.name = f"the leases on {topic}"
        self.calls: list[str] = []
        self.is_away = False
        #: What goes on while the reply to the next beat is on its way.
        self.meanwhile: Callable[[], None] = lambda: None
        self._beats = 0
        self._leases: dict[int, str] = {}

    def beat(self, worker: str) -> Table:
        self._call("beat")
        self._beats += 1
        table = Table({worker: self._beats}, dict(self._leases))
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return table

    def take(self, worker: str, limit: int, streams: Collection[int]) -> list[int]:
        self._call("take")
        taken = list(streams)[:limit]
        self._leases |= dict.fromkeys(taken, worker)
        return taken

    def release(self, worker: str, streams: Collection[int]) -> None:
        self._call("release")
        for stream in streams:
            self._leases.pop(stream, None)

    def remove(self, worker: str, number: int | None = None) -> None:
        self._call("remove")
        self._leases.clear()

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.is_away:
            raise Transient("Redis is away")


def owner_of_two(table: FakeTable) -> Leases:
    leases = Leases(table, streams=2, worker="a", lease_seconds=LEASE)  # type: ignore[arg-type]  # all of a table that leases use
    leases.take(leases.look())
    assert leases.owned() == [0, 1]
    return leases


def test_a_deadline_counts_from_before_the_beat_was_sent(clock: Clock) -> None:
    table = FakeTable()
    leases = owner_of_two(table)
    table.meanwhile = clock.passes(4)
    leases.beat()

    clock.passes(5.9)()
    assert leases.owned() == [0, 1]
    clock.passes(0.1)()
    assert leases.owned() == []


def test_what_is_taken_is_ours_from_before_the_look_was_sent(clock: Clock) -> None:
    table = FakeTable()
    table.meanwhile = clock.passes(4)
    leases = owner_of_two(table)

    clock.passes(5.9)()
    assert leases.owned() == [0, 1]
    clock.passes(0.1)()
    assert leases.owned() == []


def test_what_is_released_while_the_reply_to_a_beat_is_on_its_way_is_not_ours_again(
    clock: Clock,
) -> None:
    table = FakeTable()
    leases = owner_of_two(table)
    table.meanwhile = lambda: leases.release([1])
    leases.beat()

    assert leases.owned() == [0]
    assert not leases.owns(1)


def test_what_the_table_says_is_ours_is_not_before_the_thread_that_polls_looks(
    clock: Clock,
) -> None:
    table = FakeTable()
    leases = owner_of_two(table)
    clock.passes(LEASE)()
    assert leases.expired() == [0, 1]
    leases.beat()
    assert leases.owned() == []

    leases.look()
    assert leases.owned() == [0, 1]


def test_a_late_reply_to_an_early_beat_takes_nothing_of_a_later_one_away(clock: Clock) -> None:
    table = FakeTable()
    leases = owner_of_two(table)

    def look_later() -> None:
        clock.passes(3)()
        leases.look()

    table.meanwhile = look_later
    leases.beat()

    clock.passes(9.9)()
    assert leases.owned() == [0, 1]
    clock.passes(0.1)()
    assert leases.owned() == []


def test_a_heartbeat_that_is_told_to_stop_begins_no_other_topic() -> None:
    tables = [FakeTable(f"topic-{number}") for number in range(15)]
    beating = threading.Event()
    heartbeat = Heartbeat(
        [Leases(table, streams=1, worker="a", lease_seconds=LEASE) for table in tables],  # type: ignore[arg-type]  # as above
        every=0.001,
    )

    def wait_to_be_stopped() -> None:
        beating.set()
        heartbeat._stopping.wait()

    tables[0].meanwhile = wait_to_be_stopped
    heartbeat.start()
    beating.wait()
    heartbeat.stop()

    assert [table.calls for table in tables] == [["beat"], *[[]] * 14]


def test_who_leaves_while_redis_is_away_tries_it_once_however_many_topics_there_are() -> None:
    tables = [FakeTable(f"topic-{number}") for number in range(15)]
    ownership = Ownership(
        tables,  # type: ignore[arg-type]  # as above
        streams=1,
        owner="worker",
        lease_seconds=LEASE,
        membership=Recording(),
        giving_back=lambda partitions: None,
        gone=lambda partitions: None,
    )
    ownership.look_after()
    assert len(ownership.owned()) == 15
    for table in tables:
        table.is_away = True
        table.calls.clear()
    ownership.leave()

    assert [call for table in tables for call in table.calls] == ["remove"]
