"""CloudEvents' own SDKs write what we read, and read what we write, on a real Kafka."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any

import msgspec
import pytest

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.adapters.kafka.event_log import KafkaEventLog
from consumer.model.event import Event
from consumer.model.position import Partition
from tests.contracts.kafka_room import Broker
from tests.interop.cloudevents_sdks import (
    JAVA_JARS,
    JAVA_SDK,
    PythonSdk,
    Sdk,
    Stated,
    Written,
    go_sdk,
    java_sdk,
)
from tests.jvm import Program
from tests.servers import KafkaServer

REQUIRED = {"specversion": "1.0", "source": "https://shop.example/tills/7?a=1#b"}
EVENTS = [
    Stated(
        {
            **REQUIRED,
            "id": "unicode-é🌍",
            "type": "com.example.order.placed",
            "subject": "Bestellung ü/日本 %41",
            "time": "2026-11-01T12:00:00.123456+02:00",
            "datacontenttype": "application/json",
            "dataschema": "https://shop.example/schemas/order.json",
            "tenant": "Köln 100%",
            "count": -7,
            "urgent": True,
            "sequence": "12",
            "schemaversion": "3",
            "partitionkey": "order-ü",
        },
        json.dumps({"text": "Grüße \u2028🌍", "big": 2**53 + 1, "half": 0.5}).encode(),
    ),
    Stated(
        {
            **REQUIRED,
            "id": "bytes",
            "type": "picture",
            "subject": "p",
            "datacontenttype": "image/png",
        },
        bytes(range(256)),
    ),
    Stated(
        {
            **REQUIRED,
            "id": "text",
            "type": "note",
            "subject": "n",
            "datacontenttype": "text/plain; charset=utf-8",
        },
        'Grüße "zitiert"\n🌍'.encode(),
        is_text=True,
    ),
    Stated({**REQUIRED, "id": "no data", "type": "gone", "subject": "g"}),
]
#: What an SDK adds by itself.
ADDED = {"kafkaoffset", "kafkapartition", "kafkatopic"}


@pytest.fixture(scope="module")
def java(java_program: Callable[..., Program]) -> Program:
    return java_program(JAVA_SDK, *JAVA_JARS)


@pytest.fixture(params=["python", "java", "go"])
def sdk(request: pytest.FixtureRequest, kafka: KafkaServer) -> Sdk:
    if request.param == "java":
        return java_sdk(request.getfixturevalue("java"), kafka.bootstrap)
    if request.param == "go":
        return go_sdk(request.getfixturevalue("go_program")("cloudevents"), kafka.bootstrap)
    return PythonSdk(kafka.bootstrap)


@pytest.fixture
def topic(kafka: KafkaServer) -> str:
    return Broker(kafka.bootstrap).topic()


def test_what_an_sdk_writes_in_any_mode_is_read_as_it_was_stated(
    sdk: Sdk, kafka: KafkaServer, topic: str
) -> None:
    alone = [Written(mode, [each]) for mode in ("structured", "binary") for each in EVENTS]
    batches = [Written("batched", EVENTS), Written("batched", []), Written("batched", EVENTS[:1])]
    sdk.write(topic, [*alone, *batches])

    log = KafkaEventLog({"bootstrap.servers": kafka.bootstrap}, topics=[topic], codec=CloudEvents())
    with closing(log):
        events = list(log.read(Partition(topic, 0), None, len(alone) + len(batches)))

    assert [(str(each.offset), each.part) for each in events] == [
        *((str(offset), 0) for offset in range(8)),
        *(("8", part) for part in range(4)),
        ("10", 0),
    ]
    stated = [as_read(each) for each in [*EVENTS * 3, EVENTS[0]]]
    assert [told(each) for each in events] == stated


def as_read(stated: Stated) -> dict[str, Any]:
    """What we should tell of an event."""
    attributes = {
        name: str(value).lower() if value is True else str(value)
        for name, value in stated.attributes.items()
    }
    if "time" in attributes:
        attributes["time"] = datetime.fromisoformat(attributes["time"])
    is_json = attributes.get("datacontenttype") == "application/json"
    return {**attributes, "data": json.loads(stated.content or b"") if is_json else stated.content}


def told(event: Event) -> dict[str, Any]:
    """All that we tell of an event."""
    own = {"id": event.id, "type": event.type, "subject": event.aggregate_id}
    if event.sequence is not None:  # the full event has all that is optional
        own |= {
            "sequence": str(event.sequence),
            "schemaversion": str(event.version),
            "time": event.time,
        }
    others = {
        name: str(value).lower() if value is True else str(value)
        for name, value in event.metadata.items()
        if name != "content-type"
    }
    data = json.loads(bytes(event.data)) if isinstance(event.data, msgspec.Raw) else event.data
    return {**own, **others, "data": data}
