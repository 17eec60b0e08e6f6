"""The group's own offsets on a real broker: what others see there, and that we never look."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from confluent_kafka import Consumer

from consumer.adapters.kafka.joining import Joining
from consumer.adapters.kafka.mirror import KafkaMirror
from consumer.adapters.kafka.source import KafkaSource
from consumer.embedded.kafka import Kafka
from consumer.embedded.process import HOST, free_port
from consumer.errors import Transient
from consumer.model.position import IntOffset, Partition, StreamOffset
from tests.contracts.kafka_room import (
    QUICK,
    Broker,
    Member,
    Recording,
    Told,
    described,
    eventually,
    poll_all,
)
from tests.servers import KafkaServer

Join = Callable[..., Member]
NEW_PROTOCOL = {
    "group_protocol": "consumer",
    "session_timeout_ms": None,
    "heartbeat_interval_ms": None,
}


@pytest.fixture
def broker(kafka: KafkaServer) -> Broker:
    return Broker(kafka.bootstrap)


@pytest.fixture(params=["classic", "consumer"])
def protocol(request: pytest.FixtureRequest) -> dict[str, Any]:
    return NEW_PROTOCOL if request.param == "consumer" else {}


@pytest.fixture
def group() -> str:
    return f"g-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def join(group: str) -> Iterator[Join]:
    members: list[Member] = []

    def joined(
        broker: Broker,
        topic: str,
        membership: Recording | None = None,
        *,
        mirror: bool = True,
        **config: Any,
    ) -> Member:
        given = {**broker.config, **{key.replace("_", "."): v for key, v in config.items()}}
        source = KafkaSource(
            {key: value for key, value in given.items() if value is not None},
            topics=[topic],
            group=group,
            mirror=mirror,
        )
        member = Member(source, membership or Recording())
        members.append(member)
        source.open(member.membership)
        return member

    yield joined
    for member in members:
        member.source.close()


def show(broker: Broker, group: str, topic: str, *offsets: int) -> None:
    """Puts the group of nobody where the checkpoints are."""
    with closing(KafkaMirror(broker.config, group=group)) as mirror:
        mirror.show({Partition(topic, n): IntOffset(at) for n, at in enumerate(offsets)})


# --- while workers live --------------------------------------------------------------------------


def test_kafkas_tool_shows_each_checkpoint_while_a_worker_runs_and_after_it_left(
    broker: Broker, join: Join, group: str, protocol: dict[str, Any]
) -> None:
    topic = broker.topic(2)
    broker.fill(topic, 10)
    first, second = Partition(topic, 0), Partition(topic, 1)
    member = join(broker, topic, Recording({0: 2, 1: -1}), **protocol)
    member.poll_until(lambda: broker.shown(group) == {first: 3, second: 0}, "claims are shown")
    member.source.mirror(first, IntOffset(6))
    member.poll_until(lambda: broker.shown(group)[first] == 7, "a checkpoint is shown")
    assert described(broker.bootstrap, group) == {first: Told(7, 10, 3), second: Told(0, 0, 0)}
    member.source.mirror(first, IntOffset(9))
    member.source.close()
    assert described(broker.bootstrap, group) == {first: Told(10, 10, 0), second: Told(0, 0, 0)}
    assert member.membership.unshown == []


def test_a_wrong_offset_in_the_group_changes_nothing_and_is_put_right(
    broker: Broker, join: Join, group: str, protocol: dict[str, Any]
) -> None:
    topic = broker.topic(2)
    broker.fill(topic, 10)
    broker.fill(topic, 10, number=1)
    show(broker, group, topic, 8, 1)
    member = join(broker, topic, Recording({0: 4, 1: 6}), **protocol)
    member.poll_until(lambda: len(member.values()) == 8, "it is read from behind the checkpoints")
    assert member.offsets(0) == [5, 6, 7, 8, 9]
    assert member.offsets(1) == [7, 8, 9]
    places = {Partition(topic, 0): 5, Partition(topic, 1): 7}
    member.poll_until(lambda: broker.shown(group) == places, "the group shows the checkpoints")


def test_so_it_is_where_nobody_puts_it_right(
    broker: Broker, join: Join, group: str, protocol: dict[str, Any]
) -> None:
    topic = broker.topic(1)
    broker.fill(topic, 10)
    show(broker, group, topic, 7)
    member = join(broker, topic, Recording({0: 4}), mirror=False, **protocol)
    member.poll_until(lambda: member.through() == 9, "it is read to the end")
    assert member.offsets() == [5, 6, 7, 8, 9]
    assert broker.shown(group) == {Partition(topic, 0): 8}


def test_without_a_mirror_the_group_shows_nothing(broker: Broker, join: Join, group: str) -> None:
    topic = broker.topic(1)
    broker.fill(topic, 3)
    member = join(broker, topic, mirror=False)
    member.poll_until(lambda: len(member.values()) == 3, "read")
    member.source.mirror(Partition(topic, 0), IntOffset(2))
    member.poll()
    member.source.close()
    assert broker.shown(group) == {}


def test_what_is_given_back_was_shown_before(
    broker: Broker, join: Join, group: str, protocol: dict[str, Any]
) -> None:
    topic = broker.topic(2)
    one = join(broker, topic, **protocol)
    one.poll_until(lambda: len(one.membership.claims) == 2, "it owns both")
    two = join(
        broker, topic, Recording(refusals=-1), **protocol
    )  # it claims, and so shows, nothing
    while not one.membership.partitions("revoked"):
        for number in range(2):
            one.source.mirror(Partition(topic, number), IntOffset(41))
        poll_all([one, two], lambda: True, "one turn each")
        one.poll(0.02)
        two.poll(0.02)
    (gone,) = one.membership.partitions("revoked")
    poll_all([one, two], lambda: broker.shown(group).get(gone) == 42, "it was shown")


def test_a_worker_that_was_evicted_shows_its_checkpoints_when_it_is_back(
    broker: Broker, join: Join, group: str
) -> None:
    topic = broker.topic(1)
    broker.fill(topic, 5)
    partition = Partition(topic, 0)
    member = join(broker, topic, Recording({0: 1}), max_poll_interval_ms=6000)
    member.poll_until(lambda: broker.shown(group) == {partition: 2}, "the claim is shown")
    assert member.source.joined()
    member.membership.checkpoints[0] = 3
    asleep = threading.Event()
    asleep.wait(7.0)  # past max.poll.interval.ms, which the client measures by its own clock
    member.source.mirror(partition, IntOffset(3))
    lost = member.membership.partitions
    member.poll_until(lambda: lost("lost") == [partition], "it is told that it was evicted")
    member.poll_until(lambda: broker.shown(group) == {partition: 4}, "it is shown again")
    assert member.source.joined()


# --- when it cannot be shown ---------------------------------------------------------------------


def test_a_broker_that_is_away_is_told_and_when_it_is_back_it_shows_the_latest(
    own_kafka: Callable[..., Kafka],
    join: Join,
    group: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("consumer.adapters.kafka.mirroring._SILENT_SECONDS", 1.0)
    server = own_kafka()
    broker = Broker(server.bootstrap)
    topic = broker.topic(1)
    partition = Partition(topic, 0)
    member = join(broker, topic, Recording({0: 1}))
    member.poll_until(lambda: broker.shown(group) == {partition: 2}, "the claim is shown")
    server.stop()
    member.source.mirror(partition, IntOffset(4))
    member.poll_until(lambda: member.membership.unshown, "it is told")
    member.source.mirror(partition, IntOffset(5))
    server.start()
    member.membership.checkpoints[0] = 5  # if it has to join again
    member.poll_until(lambda: broker.shown(group).get(partition) == 6, "the latest is shown")


#: A worker's end while no broker is there: its exit code is 7 only if nothing holds it up.
_LEAVES = """
import sys
sys.path.insert(0, sys.argv[1])
from consumer.adapters.kafka.source import KafkaSource
from consumer.model.position import IntOffset, Partition
from tests.contracts.kafka_room import Member, Recording
bootstrap, topic = sys.argv[2:]
member = Member(
    KafkaSource({"bootstrap.servers": bootstrap}, topics=[topic], group="g-leaves"), Recording()
)
member.source.open(member.membership)
member.poll_until(lambda: member.membership.claims, "claimed")
print("claimed", flush=True)
input()
member.source.mirror(Partition(topic, 0), IntOffset(4))
member.source.close()
member.source.close()
sys.exit(7 if member.membership.unshown else 8)
"""


def test_leaving_while_no_broker_is_there_waits_for_no_session_to_end(
    own_kafka: Callable[..., Kafka], pytestconfig: pytest.Config
) -> None:
    server = own_kafka()
    topic = Broker(server.bootstrap).topic(1)
    with subprocess.Popen(
        [sys.executable, "-c", _LEAVES, str(pytestconfig.rootpath), server.bootstrap, topic],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdin is not None
        try:
            assert worker.stdout.readline() == "claimed\n"
            server.stop()
            worker.stdin.write("\n")
            worker.stdin.flush()
            # A session lasts 45 s.
            assert worker.wait(20) == 7
        finally:
            worker.kill()


# --- joined --------------------------------------------------------------------------------------


def test_a_member_without_a_share_has_joined(
    broker: Broker, join: Join, protocol: dict[str, Any]
) -> None:
    topic = broker.topic(1)
    one = join(broker, topic, **protocol)
    one.poll_until(lambda: one.membership.claims, "the first owns all there is")
    two = join(broker, topic, **protocol)
    poll_all([one, two], two.source.joined, "the second is in, with nothing")
    assert one.source.joined()
    owners = [member.owned(topic, 1) for member in (one, two)]
    assert sorted(map(len, owners)) == [0, 1]
    two.source.close()
    assert not two.source.joined()


def test_a_member_whom_no_broker_answers_has_not_joined(protocol: dict[str, Any]) -> None:
    config = {"bootstrap.servers": f"{HOST}:{free_port()}", "group.id": "g", **QUICK}
    given = {**config, **{key.replace("_", "."): value for key, value in protocol.items()}}
    client = Consumer({key: value for key, value in given.items() if value is not None})
    with closing(client):
        joining = Joining(client)
        joining.is_outside()
        client.subscribe(["t"])
        client.poll(0.1)
        assert not joining.joined()


# --- without workers -----------------------------------------------------------------------------


def test_a_group_without_members_is_shown_where_the_checkpoints_are(
    broker: Broker, group: str
) -> None:
    topic = broker.topic(2)
    broker.fill(topic, 10)
    show(broker, group, topic, 8, -1)
    show(broker, group, topic, 3)
    told = described(broker.bootstrap, group)
    assert told == {Partition(topic, 0): Told(4, 10, 6), Partition(topic, 1): Told(0, 0, 0)}


def test_a_group_that_has_a_member_is_not_moved_and_the_error_says_what_to_do(
    broker: Broker, join: Join, group: str, protocol: dict[str, Any]
) -> None:
    topic = broker.topic(1)
    member = join(broker, topic, Recording({0: 5}), **protocol)
    shown = {Partition(topic, 0): 6}
    member.poll_until(lambda: broker.shown(group) == shown, "the member shows where it is")
    with pytest.raises(Transient, match=rf"{group} has members.*stop its workers"):
        show(broker, group, topic, 2)
    assert broker.shown(group) == shown
    member.source.close()


def test_a_cluster_that_never_had_a_group_takes_one(own_kafka: Callable[..., Kafka]) -> None:
    broker = Broker(own_kafka().bootstrap)
    topic = broker.topic(1)
    show(broker, "g-first", topic, 4)
    eventually(lambda: broker.shown("g-first") == {Partition(topic, 0): 5}, "it is shown")


def test_offsets_of_another_kind_of_log_and_no_offsets_ask_nobody() -> None:
    with closing(KafkaMirror({"bootstrap.servers": "127.0.0.1:1"}, group="g")) as mirror:
        mirror.show({})
        mirror.show({Partition("t", 0): StreamOffset(1, 2)})


def test_no_broker_is_transient() -> None:
    mirror = KafkaMirror({"bootstrap.servers": "127.0.0.1:1"}, group="g")
    with pytest.raises(Transient):
        mirror.show({Partition("t", 0): IntOffset(2)})
    mirror.close()
    mirror.close()
