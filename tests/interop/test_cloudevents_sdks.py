"""CloudEvents' own SDKs write what we read, and read what we write, on a real Kafka."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
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
from tests.scenarios.shop import Shop
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
#: What an SDK adds by itself: that for Go the place, and that for Python the key, here the subject, as the
#: partition key.
ADDED = {"kafkaoffset", "kafkapartition", "kafkatopic", "partitionkey"}


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


def test_an_sdk_reads_what_we_publish_as_it_was_stated(
    sdk: Sdk, kafka: KafkaServer, topic: str, tmp_path: Path
) -> None:
    settings = "offsets: {sqlite: {path: offsets.db}}\n"
    settings += f"sources: {{main: {{kafka: {{bootstrap_servers: ['{kafka.bootstrap}']}}}}}}\n"
    (tmp_path / "projections.yaml").write_text(settings)
    full, bare = EVENTS[0], {**REQUIRED, "id": "bare", "type": "gone", "subject": "g"}
    lines = [
        {**full.attributes, "data": json.loads(full.content or b"")},
        {**bare, "time": "2026-11-01T12:00:00Z"},
    ]
    given = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    done = Shop(tmp_path, topic).projections("publish", topic, "--file", "-", given=given)
    assert done.returncode == 0, done.stderr

    first, second = sdk.read(topic, 2)

    assert as_read(first, but=ADDED) == as_read(full, but=ADDED)
    assert as_read(second, but=ADDED) == {
        **bare,
        "time": datetime(2026, 11, 1, 12, tzinfo=UTC),
        "data": None,
    }


def as_read(stated: Stated, but: Collection[str] = ()) -> dict[str, Any]:
    """The event of which each attribute is as CloudEvents prints it, but for the time."""
    found: dict[str, Any] = {
        name: printed(value) for name, value in stated.attributes.items() if name not in but
    }
    if "time" in found:
        found["time"] = datetime.fromisoformat(found["time"])
    is_json = found.get("datacontenttype") == "application/json"
    return {**found, "data": json.loads(stated.content or b"") if is_json else stated.content}


def told(event: Event) -> dict[str, Any]:
    """All that we tell of an event, in the same form."""
    own = {"id": event.id, "type": event.type, "subject": event.aggregate_id}
    if event.sequence is not None:  # the one event that has all that is optional
        more = {"sequence": str(event.sequence), "schemaversion": str(event.version)}
        own |= {**more, "time": event.time}
    others = {
        name: printed(value) for name, value in event.metadata.items() if name != "content-type"
    }
    data = json.loads(bytes(event.data)) if isinstance(event.data, msgspec.Raw) else event.data
    return {**own, **others, "data": data}


def printed(value: object) -> str:
    """As CloudEvents prints it; the SDK for Python writes a boolean as Python does."""
    return str(value).lower() if str(value) in ("True", "False") else str(value)
