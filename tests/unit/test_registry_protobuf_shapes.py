"""How many values a Protobuf message stands for, told before it is parsed."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from consumer.adapters.codecs.registry import protobuf, protobuf_shapes
from consumer.adapters.codecs.registry.protobuf_schemas import compiled
from consumer.adapters.codecs.registry.protobuf_shapes import MOST, shapes_of, values_in
from consumer.errors import Undecodable
from tests.unit.test_registry_protobuf import orders, placed, read, schema

WIDE = "\n".join(f"  optional int32 f{number} = {number};" for number in range(2, 202))
NESTED = f"""
syntax = "proto2";
package wide;
message All {{ repeated Wide wide = 1; optional group Old = 3 {{ optional Wide inner = 1; }}
  map<int32, Wide> wides = 4; }}
message Wide {{
  optional string text = 1;
{WIDE}
}}
"""

LINES = st.builds(dict, sku=st.text(max_size=5), quantity=st.integers(-5, 5))
CUSTOMERS: Any = st.deferred(
    lambda: (
        st.builds(dict, name=st.text(max_size=3))
        | st.builds(dict, name=st.text(max_size=3), invited_by=CUSTOMERS)
    )
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "number": st.integers(-(2**63), 2**63 - 1),
        "weight": st.floats(),
        "customer": CUSTOMERS,
        "lines": st.lists(LINES),
        "voucher": LINES,
        "counts": st.dictionaries(st.text(max_size=3), st.integers(0, 9)),
        "by_place": st.dictionaries(st.integers(-3, 3), LINES),
        "sizes": st.lists(st.sampled_from([0, 1, 2])),
        "tags": st.lists(st.text(max_size=3)),
    },
)


def counted(message: Message) -> int:
    """By the library, message by message."""
    found = shapes_of(message.DESCRIPTOR)[0].width
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            found += 2 * len(value)
            if field.message_type.fields_by_name["value"].message_type is not None:
                found += sum(map(counted, value.values()))
        else:
            found += sum(map(counted, value if field.is_repeated else [value]))
    return found


@given(fields=MESSAGES)
def test_it_counts_what_the_library_finds(fields: dict[str, Any]) -> None:
    message = placed(**fields)
    shape, _ = shapes_of(message.DESCRIPTOR)
    assert values_in(message.SerializeToString(), 0, shape) == counted(message)


@given(data=st.binary(max_size=200))
def test_of_any_bytes_it_tells_a_number(data: bytes) -> None:
    shape, _ = shapes_of(placed().DESCRIPTOR)
    assert values_in(data, 0, shape) >= shape.width


def test_of_a_oneof_one_alone_counts_and_the_widest_is_found() -> None:
    shape, widest = shapes_of(orders()[0].message_types_by_name["Placed"])
    assert shape.width == widest == 24  # of 25 fields two are a choice


def test_few_bytes_that_stand_for_many_values_are_refused_before_they_are_parsed() -> None:
    reader = protobuf.reader(schema(NESTED))
    bomb = b"\0" + b"\x0a\0" * (MOST // 201 + 1)
    tracemalloc.start()
    with pytest.raises(
        Undecodable, match=r"wide\.All of schema 7: it stands for more than 4,000,000"
    ):
        read(bomb, reader)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000
    assert len(read(bomb[:2001], reader).data["wide"]) == 1000


@pytest.mark.parametrize(
    "unknown",
    [b"\x1a\x01\x26", b"\x0b\x0a\x01\x26\x0c", b"\x08\x01", b"\x0d\0\0\0\0"],
    ids=["a group as bytes", "a message as a group", "as a number", "as four bytes"],
)
def test_a_field_that_is_written_in_another_way_than_its_own_ends_no_count(unknown: bytes) -> None:
    reader = protobuf.reader(schema(NESTED))
    assert len(read(b"\0" + unknown + b"\x0a\0", reader).data["wide"]) == 1
    with pytest.raises(Undecodable, match="it stands for more than"):
        read(b"\0" + unknown + b"\x0a\0" * (MOST // 201 + 1), reader)


def test_an_entry_of_a_map_counts_its_value_also_where_none_is_written() -> None:
    reader = protobuf.reader(schema(NESTED))
    entries = [b"\x22\x04\x08" + bytes([n & 0x7F | 0x80, n >> 7 | 0x80, 0]) for n in range(9000)]
    few = read(b"\0" + b"".join(entries[:10]), reader).data["wides"]
    assert len(few) == 10
    with pytest.raises(Undecodable, match="it stands for more than"):
        read(b"\0" + b"".join(entries) * 3, reader)


def test_many_bytes_that_stand_for_few_values_are_read() -> None:
    reader = protobuf.reader(schema(NESTED))
    text = b"x" * 300_000
    wide = b"\x0a" + _length(len(text)) + text
    body = read(b"\0\x0a" + _length(len(wide)) + wide, reader)
    assert body.data["wide"][0]["text"] == "x" * 300_000


@pytest.mark.parametrize("inner", [b"\x1b\x0a\0\x1c", b"\x1b\x1c"])
def test_groups_count_too(inner: bytes) -> None:
    message = protobuf.reader(schema(NESTED))
    assert read(b"\0" + inner, message).data["old"] is not None
    shape, _ = shapes_of(_all())
    assert values_in(inner, 0, shape) == 3 + 1 + (201 if b"\x0a" in inner else 0)


def test_behind_a_group_that_the_schema_does_not_know_it_counts_on() -> None:
    shape, _ = shapes_of(_all())
    unknown = b"\x4b\x0a\0\x4c"  # as field 9, with something in it
    assert values_in(unknown + b"\x0a\0", 0, shape) == 3 + 201
    assert len(read(b"\0" + unknown + b"\x0a\0", protobuf.reader(schema(NESTED))).data["wide"]) == 1


def test_nesting_without_end_is_left_to_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protobuf_shapes, "MOST", 10**9)
    shape, _ = shapes_of(_all())
    assert values_in(b"\x1b" * 1_000_000, 0, shape) < 10**6
    with pytest.raises(Undecodable):
        read(b"\0" + b"\x1b" * 1_000_000, protobuf.reader(schema(NESTED)))


def _all() -> Any:
    return compiled(schema(NESTED)).message_types_by_name["All"]


def _length(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])
