"""JSON behind the id of its schema: what comes out, and that bad input ends as `Undecodable` or `Unreadable`."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from consumer.adapters.codecs.registry import json_schema
from consumer.adapters.codecs.registry.body import Body
from consumer.adapters.codecs.registry.registered import Registered, Unreadable
from consumer.errors import Undecodable
from consumer.model.event import Event
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record


class Placed(msgspec.Struct):
    number: int


def registered(text: str) -> Registered:
    return Registered("schema 7", "JSON", text)


def read(data: bytes, schema: Any) -> Body:
    record = Record(Partition("orders", 3), IntOffset(41), b"the key", data)
    return json_schema.reader(registered(json.dumps(schema)))(record, data, 5)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b'{"number":1', b"{}}", b'{"number"}', b"nothing", b"\xff\xfe", b"[" * 100_000],
)
def test_bytes_that_are_no_json_are_undecodable_for_who_decodes_them(data: bytes) -> None:
    body = read(b"\0\0\0\0\7" + data, {"title": "Placed"})
    event = Event("1", body.name, "", Partition("orders", 3), IntOffset(41), body.data)
    with pytest.raises(Undecodable, match="Placed as Placed: "):
        event.decode(Placed)


@pytest.mark.parametrize("text", ["", "{", "[]", '"Placed"', "7", "\ud800", "[" * 100_000])
def test_a_schema_that_is_none_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable, match="it is no JSON Schema"):
        json_schema.reader(registered(text))


def test_the_data_stay_json_and_are_not_held_to_the_schema() -> None:
    body = read(b'\0\0\0\0\7{"number": "no number" }', {"title": "Placed", "type": "array"})
    assert body == Body("Placed", msgspec.Raw(b'{"number": "no number" }'))


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ({"title": "Placed", "$id": "https://example.com/order.json"}, "Placed"),
        ({"$id": "https://example.com/schemas/order.schema.json"}, "order"),
        ({"$id": "https://example.com/schemas/order.json#part"}, "order"),
        ({"$id": "http://example.com/Order", "title": ""}, "Order"),
        ({"$id": "urn:example:order"}, "order"),
        ({"$id": "https://example.com/"}, ""),
        ({"$id": 7, "title": ["Placed"]}, ""),
        ({"type": "object"}, ""),
        (True, ""),
    ],
)
def test_the_name_is_the_title_else_how_the_address_ends(schema: Any, name: str) -> None:
    assert read(b"\0\0\0\0\7{}", schema).name == name
