"""What Debezium writes, as events: records that it wrote itself, and records that nobody should write."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.adapters.codecs.connect.debezium import Debezium
from consumer.adapters.codecs.connect.envelopes import Envelopes
from consumer.adapters.codecs.registry.body import Body
from consumer.errors import Transient, Undecodable
from consumer.model.event import Event
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record
from tests.connect.records import bodies, records

SECRET = "4111-1111-1111-1111"
FORMS = ["schema", "plain", "avro"]


class CustomerRow(msgspec.Struct):
    id: int
    name: str
    balance: Decimal
    seen: datetime
    notes: str | None = None


class Change(msgspec.Struct):
    op: str
    before: CustomerRow | None
    after: CustomerRow | None


class BirthRow(msgspec.Struct):
    born: date


class Birth(msgspec.Struct):
    after: BirthRow


def events(form: str, table: str) -> Sequence[Event]:
    codec = Debezium(bodies=bodies())
    return [codec.decode(record) for record in records(form, table)]


def plain(event: Event) -> Any:
    """The data as Python's values, also of what is JSON still."""
    return event.decode(object) if isinstance(event.data, msgspec.Raw) else event.data


def made(value: bytes | None, key: bytes | None = b'{"id":7}', **more: Any) -> Event:
    record = Record(Partition("shop.public.orders", 3), IntOffset(41), key, value, **more)
    return Debezium().decode(record)


def change(op: str = "u", connector: str = "postgresql", **source: object) -> bytes:
    given = {"connector": connector, "schema": "public", "table": "orders", **source}
    return msgspec.json.encode({"op": op, "before": None, "after": {"id": 7}, "source": given})


def with_schema(type_: dict[str, object], value: object) -> bytes:
    """A row of one column `it`, as Connect's converter writes it."""
    row = {"type": "struct", "fields": [{**type_, "field": "it"}], "field": "after"}
    schema = {"type": "struct", "fields": [row]}
    source = {"connector": "postgresql", "schema": "public", "table": "orders", "lsn": 5}
    payload = {"op": "c", "before": None, "after": {"it": value}, "source": source}
    return msgspec.json.encode({"schema": schema, "payload": payload})


# --- what Debezium wrote ---------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_what_becomes_of_rows_is_told_alike_in_each_form(form: str) -> None:
    found = events(form, "customers")
    assert [(event.type, plain(event)["op"], event.aggregate_id) for event in found] == [
        ("public.customers", "read", "1"),
        ("public.customers", "create", "2"),
        ("public.customers", "update", "1"),
        ("public.customers", "update", "2"),
        ("public.customers", "delete", "2"),  # its key was changed to 3
        ("public.customers", "create", "3"),
        ("public.customers", "delete", "3"),
        ("public.customers.truncated", "truncate", ""),
    ]
    changes = [event.decode(Change) for event in found]
    assert changes[1].after is not None
    assert changes[1].after.balance == Decimal("-0.01")
    assert changes[1].after.seen == datetime(2026, 11, 1, 12, 0, 0, 1, tzinfo=UTC)
    assert changes[2].after is not None
    assert changes[2].after.balance == Decimal("99999999.99")
    assert (changes[2].before, changes[4].after, changes[7].after) == (None, None, None)


@pytest.mark.parametrize("form", FORMS)
def test_of_what_was_deleted_the_key_is_known_and_by_default_no_other_column(form: str) -> None:
    deleted = events(form, "customers")[6].decode(Change).before
    assert deleted is not None
    assert (deleted.id, deleted.name, deleted.balance) == (3, "", 0)


@pytest.mark.parametrize("form", FORMS)
def test_positions_grow_and_are_the_sequence_but_for_what_has_no_key_or_was_read(form: str) -> None:
    read, *changed, truncated = events(form, "customers")
    assert (read.sequence, truncated.sequence) == (None, None)
    sequences = [event.sequence or 0 for event in changed]
    assert sequences == sorted(sequences)
    assert sequences[0] > 0


@pytest.mark.parametrize("form", FORMS)
def test_ids_differ_also_where_two_changes_have_one_position(form: str) -> None:
    found = events(form, "customers")
    gone, came = found[4:6]
    assert gone.sequence == came.sequence
    assert len({event.id for event in found}) == len(found)
    assert [event.id for event in events(form, "customers")] == [event.id for event in found]


@pytest.mark.parametrize("form", FORMS)
def test_what_is_told_of_a_change_besides_its_rows_waits_in_the_metadata(form: str) -> None:
    event = events(form, "customers")[1]
    source = event.metadata["source"]
    assert (source["table"], source["lsn"]) == ("customers", event.sequence)
    assert event.time is not None
    assert int(event.time.timestamp() * 1000) == source["ts_ms"]
    assert "after" not in event.metadata
    assert SECRET not in repr(event.metadata)


def test_borders_of_the_transaction_are_told_where_the_connector_does() -> None:
    assert events("schema", "customers")[1].metadata["transaction"]["total_order"] == 1


@pytest.mark.parametrize("form", ["schema", "avro"])
def test_by_a_schema_a_row_is_of_python_s_values(form: str) -> None:
    row = events(form, "everything")[0].data["after"]
    assert row == {
        "id": 1,
        "big": None,
        "price": Decimal("10.50"),
        "anyscale": Decimal("1.5"),
        "born": date(1970, 1, 2),
        "wakes": time(1, 2, 3, 400_000),
        "waketz": time(23, 2, 3, 400_000, tzinfo=UTC),
        "seen": datetime(2026, 11, 1, 12, 0, 0, 123_456, tzinfo=UTC),
        "seen3": datetime(2026, 11, 1, 12, 0, 0, 123_000, tzinfo=UTC),
        "seentz": datetime(2026, 11, 1, 11, 0, 0, 123_456, tzinfo=UTC),
        "uid": UUID(int=1),
        "doc": '{"a": [1, 2.50]}',
        "tags": ["x", "y"],
        "nums": [1, None],
        "m": "ok",
        "raw": b"\xde\xad\xbe\xef",
        "iv": timedelta(days=429, seconds=25_506, microseconds=700_000),
        "r": 1.5,
        "d": 2.5,
        "b": True,
        "bits": 0b10101,
        "dates": [date(2026, 1, 1)],
        "decs": [Decimal("1.50"), Decimal("-2.25")],
        "pt": {
            "x": 1.0,
            "y": 2.0,
            "wkb": bytes.fromhex("0101000000000000000000f03f0000000000000040"),
            "srid": None,
        },
    }
    assert str(row["price"]) == "10.50"


@pytest.mark.parametrize("form", ["schema", "avro"])
def test_what_python_does_not_have_stays_as_it_is_written(form: str) -> None:
    infinite, ancient = (events(form, "everything")[at].data["after"] for at in (1, 3))
    assert infinite["price"] == Decimal("-9999999999.99")
    assert (infinite["born"], infinite["wakes"]) == (-2147472692, 86_400_000_000)
    assert (infinite["seen"], infinite["seentz"]) == (9223372036825200000, "infinity")
    assert infinite["r"] != infinite["r"]
    assert infinite["d"] == float("inf")
    assert (ancient["born"], ancient["seen"]) == (-735160, -63517824000000000)
    assert ancient["seentz"] == "-0043-03-15T00:00:00.000000Z"


@pytest.mark.parametrize("form", ["schema", "avro"])
def test_who_asks_for_what_python_does_not_have_is_told_the_column(form: str) -> None:
    with pytest.raises(Undecodable, match=r"Expected `date`, got `int` - at `\$.after.born`"):
        events(form, "everything")[1].decode(Birth)


@pytest.mark.parametrize("form", FORMS)
def test_a_column_that_debezium_was_not_told_is_left_out(form: str) -> None:
    updated = events(form, "everything")[-2]
    row = plain(updated)["after"]
    assert plain(updated)["op"] == "update"
    assert row["d"] == 1.0
    assert not {"big", "raw", "tags", "nums"} & row.keys()
    assert {"id", "doc", "anyscale", "price"} <= row.keys()


@pytest.mark.parametrize("form", ["schema", "plain"])
def test_a_key_of_several_columns_is_an_array_of_them(form: str) -> None:
    assert [event.aggregate_id for event in events(form, "pairs")] == ['[1,"x"]'] * 3


@pytest.mark.parametrize("form", ["schema", "plain"])
def test_a_table_without_a_key_has_neither_an_aggregate_nor_a_sequence(form: str) -> None:
    (event,) = events(form, "keyless")
    assert (event.aggregate_id, event.sequence) == ("", None)


def test_without_a_schema_rows_stay_as_they_are_written() -> None:
    event = events("plain", "everything")[0]
    assert isinstance(event.data, msgspec.Raw)
    row = event.decode(dict[str, Any])["after"]
    assert (row["price"], row["born"]) == ("10.50", "1970-01-02Z")


def test_heartbeats_and_borders_of_transactions_are_events_of_their_own() -> None:
    assert [event.type for event in events("schema", "heartbeat")] == ["debezium.heartbeat"]
    began, ended = events("schema", "transaction")
    assert {began.type, ended.type} == {"debezium.transaction"}
    assert (began.data["status"], ended.data["status"]) == ("BEGIN", "END")


def test_a_tombstone_is_about_the_same_aggregate_as_the_delete_before_it() -> None:
    for form in FORMS:
        deleted = records(form, "customers")[6]
        gone = Debezium(bodies=bodies()).decode(msgspec.structs.replace(deleted, value=None))
        assert (gone.type, gone.aggregate_id, gone.is_tombstone) == ("tombstone", "3", True)


# --- other databases, and other topics -------------------------------------------------------------


def test_a_database_stands_in_front_where_there_are_no_schemas() -> None:
    event = made(change(connector="mysql", schema=None, db="shop", table="orders"))
    assert event.type == "shop.orders"


def test_a_place_in_mysql_s_files_is_a_sequence() -> None:
    place = {"file": "mysql-bin.000003", "pos": 484, "row": 2}
    event = made(change(connector="mysql", **place))
    assert event.id == "public.orders:mysql-bin.000003:484:2:u:7"
    assert event.sequence == 3 << 40 | 486
    later = made(change(connector="mysql", **{**place, "file": "mysql-bin.000004", "pos": 4}))
    assert (later.sequence or 0) > (event.sequence or 0)


def test_what_changes_a_row_twice_at_one_place_in_mysql_s_files_has_two_sequences() -> None:
    """As `UPDATE ... SET id = id + 1 ORDER BY id DESC` does: what was 7 goes, and what was 6 is 7 then."""
    place = {"connector": "mysql", "file": "mysql-bin.000003", "pos": 484}
    gone, came = (made(change(**place, row=row)) for row in (0, 1))
    assert gone.aggregate_id == came.aggregate_id
    assert (gone.sequence or 0) < (came.sequence or 0)


@pytest.mark.parametrize("key", [None, b'{"id":7}'])
def test_all_rows_of_a_snapshot_have_one_position_and_each_an_id_of_its_own(
    key: bytes | None,
) -> None:
    tables = [change(lsn=5, snapshot="true", table=table) for table in ("orders", "customers")]
    read = [
        Record(Partition("shop", 0), IntOffset(offset), key, value)
        for offset, value in enumerate(tables if key else tables[:1] * 2)
    ]
    assert len({Debezium().decode(record).id for record in read}) == 2


def test_a_decimal_that_takes_too_long_to_tell_stays_as_it_is_written() -> None:
    meant = {"type": "bytes", "name": "org.apache.kafka.connect.data.Decimal"}
    written = b64encode(b"\x7f" * 1_000_000).decode()
    event = made(with_schema({**meant, "parameters": {"scale": "2"}}, written))
    assert plain(event)["after"]["it"] == written


def test_an_update_of_the_primary_key_lacks_what_debezium_was_not_told_too() -> None:
    after = b'"after":{"id":7,"notes":"__debezium_unavailable_value"}'
    created = made(change("c", lsn=5).replace(b'"after":{"id":7}', after))
    assert plain(created)["after"] == {"id": 7}


@pytest.mark.parametrize(
    "source",
    [
        {"connector": "sqlserver", "lsn": 5},
        {"connector": "postgresql", "lsn": "5"},
        {"connector": "postgresql", "lsn": 5, "snapshot": "incremental"},
        {"connector": "postgresql", "lsn": 5, "snapshot": True},
        {"connector": "mysql", "file": "binlog", "pos": 4},
        {"connector": "mysql", "file": "mysql-bin.999999999999", "pos": 4},
        {"connector": "mysql", "file": "mysql-bin.1", "pos": 1 << 40},
        {"connector": "mysql", "file": 7, "pos": None},
    ],
)
def test_a_position_that_does_not_grow_with_each_change_is_no_sequence(source: Any) -> None:
    assert made(change(**source)).sequence is None


def test_without_a_position_the_place_in_the_topic_is_the_id() -> None:
    assert made(change(connector="sqlserver")).id == "shop.public.orders/3:41"


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (b'{"ts_ms":1}', "debezium.heartbeat"),
        (b'{"status":"END","id":"5","event_count":1}', "debezium.transaction"),
        (b'{"source":{},"ddl":"CREATE TABLE x ()"}', "debezium.schema-change"),
        (b'{"op":"m","source":{},"message":{"prefix":"x","content":""}}', "debezium.message"),
    ],
)
def test_what_is_no_change_has_a_type_that_nobody_has_to_handle(value: bytes, type_: str) -> None:
    assert made(value).type == type_


@pytest.mark.parametrize(
    ("key", "aggregate_id"),
    [
        (None, ""),
        (b"plain text", "plain text"),
        (b'"text in JSON"', "text in JSON"),
        (b'{"id":7}', "7"),
        (b'{"id":1.5}', "1.5"),
        (b'{"id":true}', "true"),
        (b'{"id":null}', ""),
        (b'{"schema":null,"payload":{"id":"x"}}', "x"),
        (b'{"schema":"public"}', "public"),
        (b'{"schema":"public","table":"x"}', '["public","x"]'),
        (b'{"schema":{"type":"string"},"payload":"x"}', "x"),
        (b'{"schema":{"type":"int32","name":"io.debezium.time.Date"},"payload":1}', "1970-01-02"),
        (b'{"schema":{"type":"string","name":"io.debezium.data.Uuid"},"payload":"x"}', "x"),
        (b"{no JSON", "{no JSON"),
        (b"Struct{id=7}", "Struct{id=7}"),
    ],
)
def test_whatever_a_converter_makes_of_a_key_is_told_as_text(
    key: bytes | None, aggregate_id: str
) -> None:
    assert made(change(), key).aggregate_id == aggregate_id


# --- what cannot be read ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b'{"id":7,"name":"4111-1111-1111-1111"}', "ExtractNewRecordState"),
        (b'{"op":"x","source":{}}', "it has no op that we know"),
        (b'{"op":"u"}', "it has no op that we know"),
        (b'{"op":7}', r"Expected `str \| null`, got `int` - at `\$.op`"),
        (b'{"op":"u","source":[]}', r"Expected `object \| null`, got `array` - at `\$.source`"),
        (b'{"op":"u","source":{"ts_ms":"noon"}}', r"at `\$.source.ts_ms`"),
        (change(ts_ms=10**18), "OverflowError"),
        (b"", "truncated"),
        (b"4111-1111-1111-1111", "Expected `object`, got `int`"),
        (b'{"schema":7', "truncated"),
        (b'{"schema":{},"payload":{"op":"u"},"x":1}', "unknown field"),
        (b'{"schema":{},"payload":7}', "Expected `object`, got `int`"),
        (b'{"schema":{}}', "missing required field `payload`"),
        (b'{"source":{"lsn":' + b"[" * 100_000, "nested too deep"),
        (b'{"op":"u","source":{},"after":"\xff"', "no change of a table"),
        (b"\x00\x00\x00\x00\x05abc", "names a schema of a registry, and the source has none"),
    ],
)
def test_what_is_no_change_of_a_table_is_undecodable(value: bytes, why: str) -> None:
    with pytest.raises(Undecodable, match=why) as raised:
        made(value)
    assert SECRET not in str(raised.value)


def test_a_value_over_the_cap_is_undecodable() -> None:
    record = records("schema", "customers")[0]
    with pytest.raises(Undecodable, match="and the limit is 10"):
        Debezium(max_bytes=10).decode(record)


@pytest.mark.parametrize(
    ("key", "aggregate_id"),
    [(b'{"id":7}', "7"), (b'"o-1"', "o-1"), (b'{"a":1,"b":"x"}', '[1,"x"]')],
)
def test_a_key_by_a_json_schema_is_told_as_any_other(key: bytes, aggregate_id: str) -> None:
    class Bodies:
        def value(self, record: Record) -> Body:
            return Body("", msgspec.Raw(change()))

        def key(self, record: Record) -> Body:
            return Body("", msgspec.Raw(key))

    framed = b"\0\0\0\0\1..."
    changed = Record(Partition("orders", 3), IntOffset(41), framed, framed)
    assert Debezium(bodies=Bodies()).decode(changed).aggregate_id == aggregate_id


def test_a_registry_that_is_away_is_waited_for() -> None:
    class Away:
        def value(self, record: Record) -> Any:
            raise Transient("the registry does not answer")

        key = value

    with pytest.raises(Transient, match="does not answer"):
        Debezium(bodies=Away()).decode(records("avro", "customers")[0])


def test_a_schema_is_read_once_and_its_records_compared_by_how_they_begin() -> None:
    first, second, *_ = records("schema", "customers")
    codec = Debezium()
    codec.decode(first)
    assert second.value is not None
    for damaged in (second.value[:-1] + b"]", second.value[:-1] + b',"x":1}'):
        with pytest.raises(Undecodable):
            codec.decode(msgspec.structs.replace(second, value=damaged))
    assert codec.decode(second).data["after"]["name"] == "Bob"


def test_of_schemas_that_are_large_few_are_kept() -> None:
    envelopes = Envelopes(type)
    for each in range(40):
        opened = envelopes.opened(
            "a", b'{"schema":{"a":"%d%b"},"payload":1}' % (each, b"x" * 2**20)
        )
        assert opened[1] is dict
    assert sum(map(len, envelopes._schemas)) < 17 * 2**20


def test_another_schema_on_the_same_topic_is_another_way() -> None:
    codec = Debezium()
    rows = [*records("schema", "customers")[:2], *records("schema", "everything")[:1]] * 2
    for record in rows:
        elsewhere = msgspec.structs.replace(record, partition=Partition("all", 0))
        row = codec.decode(elsewhere).data["after"]
        assert isinstance(row.get("balance", row.get("price")), Decimal)


# --- any bytes at all --------------------------------------------------------------------------------


def everything(event: Event) -> None:
    for name in ("id", "type", "aggregate_id"):
        getattr(event, name).encode()
    dict(event.metadata)
    repr(event)
    if event.data is not None:
        event.decode(object)


values = st.none() | st.binary() | st.text().map(str.encode)
members = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
sources = st.dictionaries(
    st.sampled_from(["connector", "schema", "table", "lsn", "file", "pos", "ts_ms", "snapshot"]),
    st.sampled_from(["postgresql", "mysql", "mysql-bin.7"]) | members,
)
objects = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from("cudrtmx"),
        "source": sources | members,
        "before": members,
        "after": members,
        "schema": members,
        "payload": members,
    },
)


@settings(deadline=None)  # the machine may be busy
@given(
    value=values | objects.map(msgspec.json.encode), key=values | objects.map(msgspec.json.encode)
)
def test_whatever_the_bytes_nothing_but_undecodable_is_raised(
    value: bytes | None, key: bytes | None
) -> None:
    try:
        everything(made(value, key))
    except Undecodable as raised:
        assert raised.offset == IntOffset(41)  # noqa: PT017 - most of these are events


names = st.sampled_from(
    [
        "org.apache.kafka.connect.data.Decimal",
        "io.debezium.data.VariableScaleDecimal",
        "io.debezium.time.Date",
        "io.debezium.time.MicroTime",
        "io.debezium.time.NanoTimestamp",
        "io.debezium.time.ZonedTimestamp",
        "io.debezium.time.IsoDate",
        "io.debezium.data.Uuid",
        "io.debezium.data.Bits",
    ]
)
kinds = st.sampled_from(
    ["struct", "bytes", "int32", "int64", "string", "array", "map", "double", "x"]
)
schemas = st.recursive(
    st.fixed_dictionaries(
        {"type": kinds},
        optional={"name": names, "parameters": st.dictionaries(st.just("scale"), members)},
    ),
    lambda inner: st.fixed_dictionaries(
        {"type": kinds | inner},
        optional={"name": names, "items": inner, "values": inner, "fields": st.lists(inner)},
    ),
    max_leaves=4,
)


@settings(deadline=None)
@given(schema=schemas, value=members | st.sampled_from(["AAAA", {"scale": 10**9, "value": "AA=="}]))
def test_whatever_a_schema_says_of_a_value_nothing_but_undecodable_is_raised(
    schema: Any, value: Any
) -> None:
    everything(made(with_schema(schema, value)))


@settings(deadline=None)
@given(st.data())
@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_record_is_an_event_or_undecodable(form: str, data: st.DataObject) -> None:
    record = data.draw(st.sampled_from(records(form, "customers")))
    value = bytearray(record.value or b"")
    for _ in range(data.draw(st.integers(1, 3))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    try:
        codec = Debezium(bodies=bodies())
        everything(codec.decode(msgspec.structs.replace(record, value=bytes(value))))
    except Undecodable as raised:
        assert raised.partition == record.partition  # noqa: PT017 - some of these are events
