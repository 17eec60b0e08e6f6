"""docs/other-frameworks.md: each line of its table reads a record as that framework writes it."""

from __future__ import annotations

import re
import runpy
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from consumer import Event, IntOffset, Partition, Record, Undecodable
from consumer.testing import event, project
from tests.examples.codecs import codec_of
from tests.examples.pages import ROOT, block

PAGE = "docs/other-frameworks.md"
ROW = re.compile(r"^\| ([^|]+) \| [^|]+ \| `(json: [^|]+)` \|$", re.MULTILINE)
SETTINGS: dict[str, str] = dict(ROW.findall((ROOT / PAGE).read_text()))

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
GUID = "181c0000-6393-3630-36a4-08daf4e7c6da"
PLACE = "orders/3:41"
Headers = Sequence[tuple[str, bytes | None]]


class Written(msgspec.Struct, frozen=True):
    """A record as the framework writes it, and what it says."""

    value: bytes
    headers: Headers
    type: str
    data: Any
    id: str = PLACE
    time: datetime = NOON


#: Of FastStream 0.7.8.
FASTSTREAM = (
    ("content-type", b"application/json"),
    ("correlation_id", b"1076c241-4985-4d3e-b61d-2f1920155192"),
)
#: Of MassTransit 8, as `DictionaryHeadersSerialize` sets them.
RIDER = (
    ("MessageId", GUID.encode()),
    ("ConversationId", b"181c0000-6393-3630-3d6c-08daf4e7c6da"),
    ("DestinationAddress", b"loopback://localhost/kafka/orders"),
    ("SourceAddress", b"loopback://localhost/"),
    ("Content-Type", b"application/vnd.masstransit+json"),
)
SNAKE = {"order_id": "o-1", "cents": 1999}
CAMEL = {"orderId": "o-1", "cents": 1999}
#: Of spring-kafka 4.0.0.
SPRING = b'{"orderId":"o-1","cents":1999,"placedAt":"2026-11-01T12:00:00Z","total":19.99}'
SPRING_DATA = {**CAMEL, "placedAt": "2026-11-01T12:00:00Z", "total": 19.99}
#: The example of MassTransit's documentation, as a bridge leaves it.
ENVELOPE = b"""{
    "messageId": "%b", "requestId": null, "correlationId": null, "conversationId": null,
    "sourceAddress": "rabbitmq://localhost/source", "destinationAddress": "rabbitmq://localhost/destination",
    "messageType": ["urn:message:Shop:OrderPlaced", "urn:message:Shop:IOrderEvent"],
    "message": {"orderId": "o-1", "cents": 1999},
    "expirationTime": null, "sentTime": "2026-11-01T12:30:00.715882Z",
    "headers": {"Application-Header": "SomeValue"},
    "host": {"machineName": "MyComputer", "processId": 427}
}""" % GUID.encode()

WRITTEN = {
    "FastStream, a type a topic": Written(
        b'{"order_id":"o-1","cents":1999}', FASTSTREAM, "OrderPlaced", SNAKE
    ),
    "FastStream, several types": Written(
        b'{"order_id":"o-1","cents":1999}',
        (*FASTSTREAM, ("event-type", b"OrderPlaced")),
        "OrderPlaced",
        SNAKE,
    ),
    "Faust, records": Written(  # of faust-streaming 0.15.3
        b'{"order_id":"o-1","cents":1999,"__faust":{"ns":"shop.OrderPlaced"}}',
        (),
        "shop.OrderPlaced",
        {**SNAKE, "__faust": {"ns": "shop.OrderPlaced"}},
    ),
    "Faust, `include_metadata=False`": Written(
        b'{"order_id":"o-1","cents":1999}', (), "OrderPlaced", SNAKE
    ),
    "Spring Kafka": Written(
        SPRING, (("__TypeId__", b"com.shop.OrderPlaced"),), "com.shop.OrderPlaced", SPRING_DATA
    ),
    "Spring Kafka, no type headers": Written(SPRING, (), "OrderPlaced", SPRING_DATA),
    "MassTransit's Kafka rider": Written(
        b'{"orderId":"o-1","cents":1999}', RIDER, "OrderPlaced", CAMEL, GUID
    ),
    "MassTransit, raw JSON": Written(
        b'{"orderId":"o-1","cents":1999}',
        (("MessageId", GUID.encode()), ("MT-MessageType", b"urn:message:Shop:OrderPlaced")),
        "urn:message:Shop:OrderPlaced",
        CAMEL,
        GUID,
    ),
    "MassTransit, envelope": Written(
        ENVELOPE,
        (),
        "urn:message:Shop:OrderPlaced",
        CAMEL,
        GUID,
        datetime(2026, 11, 1, 12, 30, 0, 715882, tzinfo=UTC),
    ),
}


def read(who: str, value: bytes | None, headers: Headers = ()) -> Event:
    """With the settings of the page's line."""
    record = Record(Partition("orders", 3), IntOffset(41), b"o-1", value, headers, NOON)
    it = codec_of(yaml.safe_load(SETTINGS[who])).decode(record)
    assert isinstance(it, Event)
    return it


def test_each_line_of_the_table_has_its_record() -> None:
    assert list(SETTINGS) == list(WRITTEN)


@pytest.mark.parametrize("who", WRITTEN)
def test_a_record_is_read_with_the_settings_of_its_line(who: str) -> None:
    written = WRITTEN[who]
    it = read(who, written.value, written.headers)
    assert (it.type, it.id, it.aggregate_id, it.time) == (
        written.type,
        written.id,
        "o-1",
        written.time,
    )
    assert it.decode(object) == written.data
    assert dict(it.metadata) == {n: v.decode() for n, v in written.headers if v is not None}


@pytest.mark.parametrize("who", WRITTEN)
def test_a_record_without_a_value_is_a_tombstone(who: str) -> None:
    it = read(who, None)
    assert (it.is_tombstone, it.type, it.aggregate_id) == (True, "tombstone", "o-1")


@pytest.mark.parametrize(
    ("who", "value"),
    [("FastStream, a type a topic", b"a text"), ("MassTransit's Kafka rider", b"")],
)
def test_data_that_is_no_json_is_undecodable_when_a_projector_asks_for_it(
    who: str, value: bytes
) -> None:
    it = read(who, value, [("MessageId", GUID.encode())])
    with pytest.raises(Undecodable):
        it.decode(object)


def test_the_projector_of_the_page_takes_java_s_and_net_s_names(tmp_path: Path) -> None:
    (tmp_path / "read_models.py").write_text(block(PAGE, "python", "# shop/read_models.py"))
    names = runpy.run_path(str(tmp_path / "read_models.py"))
    for type in ("com.shop.OrderPlaced", "urn:message:Shop:OrderPlaced"):
        rows = project(names["orders"], event(type, CAMEL))
        assert rows == [names["Order"]("o-1", 1999)]


def test_an_alias_of_spring_is_the_type() -> None:
    it = read("Spring Kafka", SPRING, [("__TypeId__", b"order-placed")])
    assert it.type == "order-placed"


def test_spring_s_numbers_are_decimals_and_times_in_seconds_up_to_version_3() -> None:
    class OrderPlaced(msgspec.Struct, rename="camel"):
        placed_at: float
        total: Decimal

    value = b'{"orderId":"o-1","placedAt":1793534400.000000000,"total":19.99}'
    it = read("Spring Kafka", value, [("__TypeId__", b"com.shop.OrderPlaced")])
    assert it.decode(OrderPlaced) == OrderPlaced(NOON.timestamp(), Decimal("19.99"))
