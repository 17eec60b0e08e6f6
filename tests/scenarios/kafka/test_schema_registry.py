"""Avro on a real Kafka, and a schema registry that goes away: who has seen the schema goes on, and the rest waits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from consumer.model.position import IntOffset
from tests.contracts.kafka_room import QUICK, Broker
from tests.fleet import eventually
from tests.scenarios.kafka.story import Story, story
from tests.schemas import a_record, bytes_of, field, framed
from tests.servers import KafkaServer, RedisServer
from tests.stub_registry import StubRegistry

COUNTED = a_record(field("n", "long"), name="Counted")
WEIGHED = a_record(field("n", "long"), field("grams", "int", default=0), name="Weighed")


def written_as(registry: StubRegistry, schema: object, **more: int) -> Callable[[int, str], bytes]:
    number = registry.register("counted-value", schema)
    return lambda n, _: framed(number, bytes_of(schema, {"n": n, **more}))


def told_with(
    registry: StubRegistry, kafka: KafkaServer, valkey: RedisServer, folder: Path, stack: ExitStack
) -> Story:
    source = {
        "bootstrap_servers": [kafka.bootstrap],
        "config": {**QUICK, "session.timeout.ms": 3000},
        "schema_registry": {"url": registry.url},
    }
    return stack.enter_context(
        story(
            Broker(kafka.bootstrap),
            valkey.url,
            folder,
            document={"sources": {"main": {"kafka": source}}},
            source={"codec": "schema_registry"},
        )
    )


def test_the_registry_goes_away_in_the_middle_and_nothing_is_lost_or_repeated(
    kafka: KafkaServer, valkey: RedisServer, tmp_path: Path
) -> None:
    registry = StubRegistry()
    with ExitStack() as stack:
        told = told_with(registry, kafka, valkey, tmp_path, stack)
        first, *others = told.partitions
        with registry.served():
            told.event = written_as(registry, COUNTED)
            told.publish_everywhere(30)
            worker = told.fleet.spawn()
            eventually(told.fleet.everything_is_committed, "all of the first schema is committed")

        told.publish_everywhere(30)
        eventually(told.fleet.everything_is_committed, "who has seen the schema goes on without")

        before = max(told.fleet.expected[first])
        told.event = written_as(registry, WEIGHED)
        told.publish_to(first, 10)
        told.event = written_as(registry, COUNTED)
        told.publish_everywhere(30)
        eventually(lambda: worker.said("waiting"), "the partition with the new schema waits")
        eventually(
            lambda: all(
                told.fleet.checkpoint(each) == max(told.fleet.expected[each]) for each in others
            ),
            "the others go on",
        )
        (line, *_) = worker.said("waiting")
        assert line["partition"] == str(first)
        assert f"{registry.url} cannot be reached (Connection refused)" in str(line["cause"])
        assert told.fleet.checkpoint(first) == before == IntOffset(59)

        with registry.served():
            eventually(told.fleet.everything_is_applied, "everything is applied")
            eventually(told.fleet.everything_is_committed, "everything is committed")
        found = told.fleet.findings()
        assert (found.wrong(), found.repeated) == ({}, [])
        assert worker.stop() == 0
        assert not worker.said("halted")


def test_a_worker_that_starts_while_the_registry_is_away_waits_for_it(
    kafka: KafkaServer, valkey: RedisServer, tmp_path: Path
) -> None:
    registry = StubRegistry()
    with ExitStack() as stack:
        told = told_with(registry, kafka, valkey, tmp_path, stack)
        told.event = written_as(registry, COUNTED)
        told.publish(100)
        worker = told.fleet.spawn("--until-caught-up")
        eventually(lambda: worker.said("waiting"), "it waits")
        assert told.fleet.applied() == 0
        with registry.served():
            assert worker.ended() == 0
        assert told.fleet.everything_is_applied()
        assert (told.fleet.findings().wrong(), told.fleet.findings().repeated) == ({}, [])
