"""What an `Undecodable` says must not be what the data says."""

from __future__ import annotations

import gzip
from enum import Enum
from typing import Any, Literal

import msgspec
import pytest

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.adapters.codecs.envelope import Envelope
from consumer.adapters.codecs.json import Json
from consumer.errors import Undecodable
from consumer.model.event import Event, reason
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record
from consumer.ports.codec import Codec


class Colour(Enum):
    RED = "red"


class Paint(msgspec.Struct, forbid_unknown_fields=True):
    colour: Colour = Colour.RED


class Card(msgspec.Struct, tag="card"):
    pass


class Cash(msgspec.Struct, tag="cash"):
    pass


class Checked(msgspec.Struct):
    number: str

    def __post_init__(self) -> None:
        raise ValueError(f"{self.number} is no card")


def why(data: object, into: Any) -> str:
    event = Event(
        "7", "paid", "1", Partition("o", 3), IntOffset(41), msgspec.Raw(msgspec.json.encode(data))
    )
    with pytest.raises(Undecodable) as raised:
        event.decode(into)
    return raised.value.why


@pytest.mark.parametrize(
    ("data", "into", "said"),
    [
        ({"colour": "SECRET"}, Paint, "Invalid enum value - at `$.colour` ("),
        ({"SECRET": 1}, Paint, "Object contains unknown field ("),
        ([{"SECRET": 1}], list[Paint], "Object contains unknown field - at `$[0]` ("),
        ("SECRET - at `SECRET`", Colour, "Invalid enum value ("),
        ("SEC\nRET", Colour, "Invalid enum value ("),
        ({"SECRET": 1}, dict[Colour, int], "Invalid enum value - at `key` in `$` ("),
        (["SECRET"], list[Literal["a"]], "Invalid enum value - at `$[0]` ("),
        ({"type": "SECRET"}, Card | Cash, "Invalid value - at `$.type` ("),
        ({"number": "SECRET"}, Checked, "ValueError from the type's own check ("),
        ("SECRET", int, "Expected `int`, got `str` ("),
    ],
)
def test_a_reason_says_what_is_wrong_without_quoting_the_data(
    data: object, into: Any, said: str
) -> None:
    assert f": {said}payload sha256:" in why(data, into)
    assert "SEC" not in why(data, into)


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (UnicodeDecodeError("utf-8", b"SECRET", 0, 1, "bad"), "the text is not UTF-8"),
        (RecursionError("SECRET"), "the data is nested too deep"),
        (KeyError("SECRET"), "KeyError"),
        (ValueError("invalid literal: 'SECRET'"), "ValueError"),
    ],
)
def test_other_errors_are_told_by_their_kind(cause: Exception, said: str) -> None:
    assert reason(cause) == said


@pytest.mark.parametrize("codec", [CloudEvents(), Envelope(), Json(type="field:type")])
@pytest.mark.parametrize(
    ("value", "clue"),
    [
        (b"\0\0\0\0\7secret", r"is schema_registry the codec of this topic\?"),
        (gzip.compress(b"{}", mtime=0), "It begins as gzip does: name a codec of your own"),
    ],
)
def test_bytes_that_are_another_codecs_are_told_to_be(
    codec: Codec, value: bytes, clue: str
) -> None:
    record = Record(Partition("orders", 0), IntOffset(7), None, value)
    with pytest.raises(Undecodable, match=clue) as refused:
        codec.decode(record)
    assert "secret" not in refused.value.why
