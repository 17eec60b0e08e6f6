"""A schema that a registry does not know yet, and one that it never will."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from consumer.adapters.codecs.registry import late_schemas
from consumer.adapters.codecs.registry.bodies import Bodies
from consumer.adapters.codecs.registry.codec import SchemaRegistry
from consumer.errors import Transient, Undecodable
from consumer.model.record import Record
from tests.schemas import Kept, framed, number, record, registered


def written(*, ago: float, schema_id: int = 7) -> Record:
    then = datetime.now(UTC) - timedelta(seconds=ago)
    return msgspec.structs.replace(record(framed(schema_id, number(5))), time=then)


@pytest.fixture
def registry() -> Kept:
    return Kept({})


@pytest.fixture
def codec(registry: Kept) -> SchemaRegistry:
    return SchemaRegistry(Bodies(registry), type="const:counted")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    class Clock:
        now = 1000.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(late_schemas, "time", clock)
    return clock


def test_of_a_new_record_it_is_asked_for_again(codec: SchemaRegistry, registry: Kept) -> None:
    new = written(ago=1)
    with pytest.raises(Transient, match=r"knows no schema 7\. Its record is new, so it is asked"):
        codec.decode(new)
    registry.schemas[7] = registered("long")
    assert codec.decode(new).data == 5


@pytest.mark.parametrize("ago", [11, -3600], ids=["from before", "of a clock that is wrong"])
def test_of_any_other_record_nobody_waits_for_it(codec: SchemaRegistry, ago: float) -> None:
    with pytest.raises(Undecodable, match="knows no schema 7"):
        codec.decode(written(ago=ago))


@pytest.mark.parametrize("ago", [1, -9], ids=["by our clock", "by a clock that is ahead"])
def test_it_is_waited_for_some_seconds_by_our_own_clock(
    codec: SchemaRegistry, clock: Any, ago: float
) -> None:
    new = written(ago=ago)
    for _ in range(3):
        with pytest.raises(Transient):
            codec.decode(new)
        clock.now += 4
    with pytest.raises(Undecodable):
        codec.decode(new)


def test_of_a_record_that_tells_no_time_nobody_waits_for_it(codec: SchemaRegistry) -> None:
    timeless = msgspec.structs.replace(written(ago=1), time=None)
    with pytest.raises(Undecodable):
        codec.decode(timeless)


def test_it_keeps_a_few_of_those_that_are_missed(
    registry: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_schemas, "_MOST", 3)
    bodies = Bodies(registry)
    codec, late = SchemaRegistry(bodies), bodies._late
    for schema_id in range(1, 10):
        with pytest.raises(Transient):
            codec.decode(written(ago=1, schema_id=schema_id))
    assert len(late._missed_since) <= 3
