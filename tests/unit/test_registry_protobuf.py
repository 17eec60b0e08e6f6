"""Protobuf by its schemas: what comes out, and that bad bytes end as `Undecodable`, bad schemas as `Unreadable`."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from confluent_kafka.schema_registry import header_schema_id_serializer
from confluent_kafka.schema_registry.serde import SchemaId
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.adapters.codecs.registry import protobuf
from consumer.adapters.codecs.registry.bodies import Bodies
from consumer.adapters.codecs.registry.body import Body, Read
from consumer.adapters.codecs.registry.protobuf_schemas import compiled
from consumer.adapters.codecs.registry.protobuf_values import Values
from consumer.adapters.codecs.registry.registered import Reference, Registered, Unreadable
from consumer.errors import Transient, Undecodable
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record
from tests.examples.pages import block

ORDERS = """
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/any.proto";
import "confluent/type/decimal.proto";
import "google/type/date.proto";

message Placed {
  int64 number = 1;
  string note = 2;
  bytes signature = 3;
  double weight = 4;
  bool paid = 5;
  uint64 largest = 6;
  Size size = 7;
  optional int32 discount = 8;
  Customer customer = 9;
  repeated string tags = 10;
  repeated Line lines = 11;
  map<string, int64> counts = 12;
  map<int32, Line> by_place = 13;
  oneof payment { string card = 14; Line voucher = 15; }
  google.protobuf.Timestamp placed_at = 16;
  google.protobuf.Duration took = 17;
  google.protobuf.Int64Value points = 18;
  google.protobuf.Struct more = 19;
  google.protobuf.Any anything = 20;
  confluent.type.Decimal total = 21;
  google.type.Date due = 22;
  string from = 23;
  repeated Size sizes = 24;
  repeated google.protobuf.Timestamp times = 25;
  message Line { string sku = 1; int32 quantity = 2; }
}
message Customer { string name = 1; Customer invited_by = 2; message Address { string city = 1; } }
enum Size { SIZE_UNKNOWN = 0; SMALL = 1; TINY = 2; }
"""


def schema(text: str, **references: str) -> Registered:
    """Of references `a__b` is a file in a folder."""
    given = [
        Reference(f"{name.replace('__', '/')}.proto", Registered(name, "PROTOBUF", each))
        for name, each in references.items()
    ]
    return Registered("schema 7", "PROTOBUF", text, given)


@cache
def orders() -> tuple[FileDescriptor, Read]:
    return compiled(schema(ORDERS)), protobuf.reader(schema(ORDERS))


def record(data: bytes) -> Record:
    return Record(Partition("orders", 3), IntOffset(41), b"the key", data)


def read(data: bytes, reader: Read | None = None) -> Body:
    return (reader or orders()[1])(record(data), data, 0)


def placed(**fields: Any) -> Any:
    message: Any = GetMessageClass(orders()[0].message_types_by_name["Placed"])
    return message(**fields)


def data_of(message: Message) -> Any:
    return read(b"\0" + message.SerializeToString()).data


def number(value: int) -> bytes:
    folded, out = value << 1 ^ value >> 63, b""
    while folded > 0x7F:
        out, folded = out + bytes([folded & 0x7F | 0x80]), folded >> 7
    return out + bytes([folded])


def places(*indexes: int) -> bytes:
    return b"".join(map(number, [len(indexes), *indexes]))


# --- bytes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "its message indexes have no end"),
        (b"\x80", "its message indexes have no end"),
        (b"\x80" * 10 + b"\0", "its message indexes have no end"),
        (b"\x80\0", "schema 7 has no message at the index before the bytes"),
        (b"\x08\x0a\x08Customer", "schema 7 has no message at the index before the bytes"),
        (places(0)[:1], "its message indexes have no end"),
        (number(-1), "its list of message indexes has no possible length"),
        (number(1 << 62), "its list of message indexes has no possible length"),
        (number(65) + bytes(65), "its list of message indexes has no possible length"),
        (places(2), "schema 7 has no message at the index before the bytes"),
        (places(-1), "schema 7 has no message at the index before the bytes"),
        (places(1, 1), "schema 7 has no message at the index before the bytes"),
        (b"\x0a\x0a\x08Nonsense", "schema 7 has no message at the index before the bytes"),
        (b"\x09\x0a\x07Missing", "its list of message indexes has no possible length"),
        (places(0, 0, 0), "schema 7 has no message at the index before the bytes"),
        (b"\0\x12\x05abc", "shop.Placed of schema 7: the bytes are no such message"),
        (b"\0\x12\xff\xff\xff\xff\x07", "shop.Placed of schema 7: the bytes are no such message"),
        (b"\0\x12\x01\xff", "shop.Placed of schema 7: the bytes are no such message"),
        (b"\0\x07", "shop.Placed of schema 7: the bytes are no such message"),
    ],
)
def test_bytes_that_are_no_such_message_are_undecodable(data: bytes, why: str) -> None:
    with pytest.raises(Undecodable, match=why):
        read(data)


def test_a_reason_quotes_no_bytes() -> None:
    with pytest.raises(Undecodable) as raised:
        read(b"\0\x12\x0asecret")
    assert "secret" not in str(raised.value)


def test_messages_within_themselves_are_read_as_deep_as_a_parser_goes() -> None:
    deep = b"\x0a\x01z"
    for _ in range(95):
        deep = b"\x12" + _length(deep) + deep
    data = read(places(1) + deep).data
    for _ in range(95):
        assert data["name"] == ""
        data = data["invited_by"]
    assert data == {"name": "z", "invited_by": None}


def test_what_is_nested_deeper_is_undecodable() -> None:
    deep = b""
    for _ in range(20_000):
        deep = b"\x12" + _length(deep) + deep
    with pytest.raises(Undecodable, match="nested too deep"):
        read(places(1) + deep)


def _length(data: bytes) -> bytes:
    rest, out = len(data), b""
    while rest > 0x7F:
        out, rest = out + bytes([rest & 0x7F | 0x80]), rest >> 7
    return out + bytes([rest])


@pytest.mark.parametrize(
    "time",
    [
        {"seconds": -62_135_596_801},
        {"seconds": 253_402_300_800},
        {"seconds": -(1 << 63)},
        {"nanos": -1},
        {"nanos": 1_000_000_000},
    ],
)
def test_a_time_outside_of_the_calendar_is_undecodable(time: dict[str, int]) -> None:
    with pytest.raises(Undecodable, match="a time lies outside of the years 1 to 9999"):
        data_of(placed(placed_at=time))


@pytest.mark.parametrize("field", ["seconds", "nanos"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_duration_that_is_too_long_is_undecodable(field: str, sign: int) -> None:
    longest = {"seconds": 315_576_000_001, "nanos": 1_000_000_000}
    with pytest.raises(Undecodable, match="a duration is longer than 10,000 years"):
        data_of(placed(took={field: sign * longest[field]}))


def test_a_decimal_that_takes_too_long_to_tell_is_undecodable() -> None:
    with pytest.raises(Undecodable, match="a decimal has more than 1000 bytes"):
        data_of(placed(total={"value": b"\1" * 1001}))


@settings(deadline=None, max_examples=300)  # the machine may be busy
@given(
    st.one_of(
        st.binary(),
        st.tuples(st.sampled_from([b"\0", places(1), places(0, 0)]), st.binary()).map(b"".join),
        st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=9))).map(
            lambda fields: (
                b"\0" + b"".join(bytes([tag]) + _length(each) + each for tag, each in fields)
            )
        ),
    )
)
def test_whatever_the_bytes_they_are_a_body_or_undecodable(data: bytes) -> None:
    try:
        assert isinstance(read(data), Body)
    except Undecodable as raised:
        assert raised.partition == Partition("orders", 3)  # noqa: PT017 - some are bodies


# --- values --------------------------------------------------------------------------------------


def test_a_message_is_its_fields_and_what_is_unset_is_none() -> None:
    body = read(b"\0")
    assert body == Body(
        "shop.Placed",
        {
            "number": 0,
            "note": "",
            "signature": b"",
            "weight": 0.0,
            "paid": False,
            "largest": 0,
            "size": "SIZE_UNKNOWN",
            "discount": None,
            "customer": None,
            "tags": [],
            "lines": [],
            "counts": {},
            "by_place": {},
            "placed_at": None,
            "took": None,
            "points": None,
            "more": None,
            "anything": None,
            "total": None,
            "due": None,
            "from": "",
            "sizes": [],
            "times": [],
        },
    )


def test_numbers_texts_and_bytes_come_as_they_are() -> None:
    fields = {
        "number": -(1 << 63),
        "note": "Grüße \0",
        "signature": b"\0\xff",
        "weight": math.inf,
        "paid": True,
        "largest": (1 << 64) - 1,
        "discount": 0,
        "tags": ["a", ""],
        "counts": {"": 1 << 62},
        "from": "here",
    }
    data = data_of(placed(**fields))
    assert {name: data[name] for name in fields} == fields
    assert type(data["tags"]) is list
    assert type(data["counts"]) is dict


def test_messages_within_are_read_too_as_are_lists_and_maps_of_them() -> None:
    data = data_of(
        placed(
            customer={"name": "Ada", "invited_by": {"name": "Bo"}},
            lines=[{"sku": "a", "quantity": 2}],
            by_place={-1: {"sku": "b"}},
        )
    )
    assert data["customer"] == {"name": "Ada", "invited_by": {"name": "Bo", "invited_by": None}}
    assert data["lines"] == [{"sku": "a", "quantity": 2}]
    assert data["by_place"] == {-1: {"sku": "b", "quantity": 0}}


def test_of_a_oneof_only_what_is_set_is_there() -> None:
    unset, card, voucher = (
        data_of(placed(**fields)) for fields in ({}, {"card": ""}, {"voucher": {"sku": "v"}})
    )
    assert not {"card", "voucher"} & unset.keys()
    assert (card["card"], "voucher" in card) == ("", False)
    assert (voucher["voucher"], "card" in voucher) == ({"sku": "v", "quantity": 0}, False)


def test_an_enum_is_its_name_and_a_number_where_it_has_none() -> None:
    assert (
        data_of(placed(size=1, sizes=[2, 7])).items()
        >= {"size": "SMALL", "sizes": ["TINY", 7]}.items()
    )


def test_google_s_and_confluent_s_types_are_what_they_stand_for() -> None:
    message = placed(
        placed_at={"seconds": 1, "nanos": 999_999_999},
        took={"seconds": -1, "nanos": -500_000_999},
        points={"value": 0},
        more={"a": [1, None, {"b": True}], "c": "d"},
        total={"value": (-12345).to_bytes(2, "big", signed=True), "scale": 2},
        due={"year": 2026, "month": 11, "day": 30},
        times=[
            {"seconds": -62_135_596_800},
            {"seconds": 253_402_300_799},
        ],
    )
    message.anything.type_url = "type.googleapis.com/shop.Gone"
    message.anything.value = b"\1"
    expected = {
        "placed_at": datetime(1970, 1, 1, 0, 0, 1, 999_999, tzinfo=UTC),
        "took": timedelta(seconds=-1, microseconds=-500_000),
        "points": 0,
        "more": {"a": [1.0, None, {"b": True}], "c": "d"},
        "anything": {"type_url": "type.googleapis.com/shop.Gone", "value": b"\1"},
        "total": Decimal("-123.45"),
        "due": {"year": 2026, "month": 11, "day": 30},
        "times": [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)],
    }
    data = data_of(message)
    assert {name: data[name] for name in expected} == expected


def test_a_decimal_is_never_rounded() -> None:
    unscaled = 10**2400 + 1
    value = unscaled.to_bytes(998, "big", signed=True)
    assert data_of(placed(total={"value": value, "scale": 2}))["total"] == Decimal(
        f"{unscaled // 100}.01"
    )


class Line(msgspec.Struct):
    sku: str


def test_the_page_s_type_decodes_it() -> None:
    scope = {"msgspec": msgspec, "datetime": datetime, "Line": Line}
    page = block("docs/schema-registry.md", "python", "class Placed")
    exec(compile(page, "page", "exec", dont_inherit=True), scope)
    data = data_of(placed(number=3, placed_at={"seconds": 0}, card="visa"))
    made: Any = scope["Placed"]
    read = msgspec.convert(data, made)
    assert (read.number, read.placed_at, read.customer) == (
        3,
        datetime(1970, 1, 1, tzinfo=UTC),
        None,
    )
    assert (read.card, read.voucher) == ("visa", None)


def test_of_proto2_a_field_that_is_unset_is_its_default_or_none() -> None:
    text = """
        message A {
          required int32 a = 1; optional int32 b = 2 [default = 5]; optional C c = 3; repeated int32 d = 4;
          optional group E = 5 { optional string f = 1; }
          enum C { option allow_alias = true; X = 0; Y = 1; Z = 1; }
        }
    """
    reader = protobuf.reader(schema(text))
    assert read(b"\0", reader).data == {"a": None, "b": 5, "c": None, "d": [], "e": None}
    assert read(b"\0\x18\1\x2b\x0a\1g\x2c", reader).data == {
        "a": None, "b": 5, "c": "Y", "d": [], "e": {"f": "g"},
    }  # fmt: skip


def test_a_text_of_proto2_that_is_not_utf_8_is_bytes() -> None:
    reader = protobuf.reader(schema("message A { optional string a = 1; }"))
    assert read(b"\0\x0a\x01\xff", reader).data == {"a": b"\xff"}


# --- which message -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (b"\0", "shop.Placed"),
        (places(0), "shop.Placed"),
        (places(1), "shop.Customer"),
        (places(1, 0), "shop.Customer.Address"),
        (places(0, 2), "shop.Placed.Line"),
        (b"\x0a\x0a\x08Customer", "shop.Customer"),
    ],
)
def test_indexes_or_a_name_say_which_message_of_the_file_it_is(place: bytes, name: str) -> None:
    kinds = [each.name for each in orders()[0].message_types_by_name["Placed"].nested_types]
    assert kinds == ["CountsEntry", "ByPlaceEntry", "Line"]
    assert read(place).name == name


def test_behind_a_guid_in_a_header_the_indexes_are_there_too() -> None:
    guid = "6f3c1a52-97b5-4b2f-8d0e-1f6f2a9b7c11"

    class Kept:
        def schema(self, schema_id: object) -> Registered:
            assert schema_id == guid
            return schema(ORDERS)

    written = SchemaId("PROTOBUF", guid=guid, message_indexes=[1, 0])
    headers: list[tuple[str, bytes]] = []
    context = SerializationContext("orders", MessageField.VALUE, headers)
    data = header_schema_id_serializer(b"\x0a\1x", context, written)
    read = Bodies(Kept()).value(
        Record(Partition("orders", 3), IntOffset(41), None, data, tuple(headers))
    )
    assert read == Body("shop.Customer.Address", {"city": "x"})


# --- schemas -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "references", "why"),
    [
        (
            "message A { optional int32 a = 1 }",
            {},
            r"it does not compile: the\.schema\.proto:1:34: Expected",
        ),
        ("\ud800 \0", {}, "it does not compile"),
        ('import "missing.proto";', {}, r"it does not compile: missing\.proto: File not found"),
        ('import "../../etc/passwd";', {}, "it does not compile"),
        ('import "/etc/passwd";', {}, "it does not compile"),
        ('import "a.proto";', {"a": "message"}, r"it does not compile: a\.proto:1:8"),
        ('import "the.schema.proto";', {}, "it does not compile"),
        (
            "AAAA",
            {},
            r"the\.schema\.proto is neither Protobuf's language nor a descriptor in base64",
        ),
        ("message A { optional B b = 1; }", {}, 'it does not compile: .*"B" is not defined'),
    ],
)
def test_a_schema_that_does_not_compile_is_unreadable_with_the_compiler_s_word(
    text: str, references: dict[str, str], why: str
) -> None:
    with pytest.raises(Unreadable, match=why):
        protobuf.reader(schema(text, **references))


@pytest.mark.parametrize(
    "name",
    [
        "../a.proto",
        "a/../../b.proto",
        "/tmp/a.proto",
        "",
        ".",
        "-I/a.proto",
        "a\0",
        "a\\b",
        "a" * 300,
        "a//b",
        "a\n",
    ],
)
def test_a_reference_that_leaves_its_folder_is_unreadable(name: str) -> None:
    hostile = Registered(
        "schema 7", "PROTOBUF", "", [Reference(name, Registered("a", "PROTOBUF", ""))]
    )
    if name == "-I/a.proto":  # a file like any other: it is never an argument
        protobuf.reader(hostile)
    else:
        with pytest.raises(Unreadable, match="which is no name of a file"):
            protobuf.reader(hostile)


def test_references_of_which_one_is_the_folder_of_another_are_unreadable() -> None:
    with pytest.raises(Unreadable, match="has the name of another's folder"):
        protobuf.reader(schema("", **{"a": " ", "a.proto/b": " "}))


@pytest.mark.parametrize(
    ("what", "instead"),
    [
        ("sys.executable", "/nowhere/python"),
        ("tempfile.tempdir", "/nowhere"),
        ("consumer.adapters.codecs.registry.protobuf_schemas._COMPILER", 0.0),
    ],
)
def test_a_compiler_that_cannot_be_run_is_an_outage(
    what: str, instead: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(what, instead)
    with pytest.raises(Transient, match="protoc could not be run for schema 7"):
        protobuf.reader(schema("message A {}"))


def test_the_compiler_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Unreadable):
        protobuf.reader(schema("nonsense"))
    protobuf.reader(schema('import "google/protobuf/any.proto"; message A {}'))  # a warning
    assert capfd.readouterr() == ("", "")


def in_base64(registered: Registered) -> str:
    return base64.b64encode(compiled(registered).serialized_pb).decode()


HOSTILE = "a or print('no')"


def test_a_descriptor_with_names_that_are_code_is_unreadable() -> None:
    file = FileDescriptorProto(name="a.proto")
    file.message_type.add(name="A").field.add(name=HOSTILE, number=1, type=9, label=1)
    text = base64.b64encode(file.SerializeToString()).decode()
    with pytest.raises(Unreadable, match="it does not compile"):
        protobuf.reader(schema(text))


def test_names_that_are_code_would_not_be_run(capsys: pytest.CaptureFixture[str]) -> None:
    field = (
        compiled(schema("message A { repeated string a = 1; }"))
        .message_types_by_name["A"]
        .fields[0]
    )

    class Hostile:
        name = HOSTILE

        def __getattr__(self, name: str) -> Any:
            return getattr(field, name)

    class Kind:
        full_name = "A"
        fields = (Hostile(),)
        oneofs = ()
        file = field.file

        def CopyToProto(self, proto: object) -> None:  # noqa: N802 - the library's own word
            """As if there were no `optional`."""

    kind: Any = Kind()
    values = Values().of(kind)
    message: Any = SimpleNamespace(**{HOSTILE: ["b"]})
    assert values(message) == {HOSTILE: ["b"]}
    assert capsys.readouterr().out == ""


ADDRESS = 'syntax = "proto3"; package geo; message Address { string city = 1; }'
SHIPPED = """
    syntax = "proto3"; package shop; import "geo/address.proto"; import "google/protobuf/timestamp.proto";
    message Shipped { geo.Address to = 1; google.protobuf.Timestamp at = 2; }
"""
AT_NOWHERE = b"\0\x0a\3\x0a\1x\x12\0"


@pytest.mark.parametrize(
    ("whole", "address"),
    [
        (lambda: SHIPPED, lambda: ADDRESS),
        (lambda: SHIPPED, lambda: in_base64(schema(ADDRESS))),
        (lambda: in_base64(schema(SHIPPED, geo__address=ADDRESS)), lambda: ADDRESS),
        (
            lambda: in_base64(schema(SHIPPED, geo__address=ADDRESS)),
            lambda: in_base64(schema(ADDRESS)),
        ),
    ],
)
def test_references_are_imported_as_texts_and_as_descriptors_in_base64(
    whole: Callable[[], str], address: Callable[[], str]
) -> None:
    reader = protobuf.reader(schema(whole(), geo__address=address()))
    assert read(AT_NOWHERE, reader) == Body(
        "shop.Shipped", {"to": {"city": "x"}, "at": datetime(1970, 1, 1, tzinfo=UTC)}
    )


def test_a_registered_type_of_google_s_is_google_s_own_whatever_it_says() -> None:
    hostile = (
        'syntax = "proto3"; package google.protobuf; message Timestamp { string seconds = 1; }'
    )
    reader = protobuf.reader(
        schema(SHIPPED, geo__address=ADDRESS, google__protobuf__timestamp=hostile)
    )
    assert read(AT_NOWHERE, reader).data["at"] == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_message_that_calls_itself_google_s_is_read_by_its_fields() -> None:
    own = 'syntax = "proto3"; package google.protobuf; message Timestamp { string text = 1; }'
    assert read(b"\0\x0a\1x", protobuf.reader(schema(own))).data == {"text": "x"}


def test_schemas_of_the_same_names_live_beside_each_other() -> None:
    first = protobuf.reader(schema('syntax = "proto3"; message A { string a = 1; }'))
    second = protobuf.reader(schema('syntax = "proto3"; message A { bytes b = 1; }'))
    assert read(b"\0\x0a\1x", first).data == {"a": "x"}
    assert read(b"\0\x0a\1x", second).data == {"b": b"x"}


def test_types_that_form_a_chain_longer_than_the_library_takes_are_undecodable() -> None:
    chain = "".join(f"message A{n} {{ A{n + 1} a = 1; }}" for n in range(1000))
    reader = protobuf.reader(schema(f'syntax = "proto3"; {chain} message A1000 {{}}'))
    with pytest.raises(Undecodable, match=r"A0 of schema 7 cannot be read \(RecursionError\)"):
        read(b"\0", reader)
    assert read(places(900), reader) == Body("A900", {"a": None})
