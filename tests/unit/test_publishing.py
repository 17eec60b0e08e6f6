"""JSON Lines on their way into a log."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.engine.publishing import parse_line, publish
from consumer.errors import Misconfigured, Transient
from consumer.model.outgoing import Outgoing
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record

LINE = b'{"type":"placed","subject":"order-1","data":{"total": 3}}'


class Log:
    """A publisher that remembers, and knows what is safe."""

    def __init__(self, *, fails: bool = False) -> None:
        self.sent: list[Outgoing] = []
        self.safe = 0
        self.fails = fails

    def send(self, event: Outgoing) -> None:
        self.sent.append(event)

    def flush(self) -> None:
        if self.fails:
            raise Transient("the broker is away")
        self.safe = len(self.sent)

    def close(self) -> None:
        self.flush()


def parsed(**members: object) -> Outgoing:
    line = msgspec.json.encode({"type": "placed", "subject": "order-1"} | members)
    return parse_line(line, 1, default_source="/shop")


def test_the_subject_is_the_key_and_data_is_kept_as_it_is_written() -> None:
    event = parse_line(LINE, 1)
    assert event.key == b"order-1"
    assert event.data == b'{"total": 3}'
    assert event.attributes["type"] == "placed"


def test_what_is_missing_is_made_up() -> None:
    attributes = parsed().attributes
    assert attributes["specversion"] == "1.0"
    assert attributes["source"] == "/shop"
    assert uuid.UUID(attributes["id"]).version == 4
    age = datetime.now(UTC) - datetime.fromisoformat(attributes["time"])
    assert timedelta(0) <= age < timedelta(minutes=1)
    assert parsed().attributes["id"] != attributes["id"]


def test_what_is_given_is_kept() -> None:
    given = {
        "specversion": "1.0",
        "id": "7",
        "source": "/till",
        "time": "2026-11-01T12:00:00Z",
        "schemaversion": "2",
        "traceparent": "00-1",
    }
    assert parsed(**given).attributes == given | {"type": "placed", "subject": "order-1"}


def test_attributes_are_printed_as_cloudevents_prints_them() -> None:
    attributes = parsed(schemaversion=2, paid=True, gift=False, none=None).attributes
    assert (attributes["schemaversion"], attributes["paid"], attributes["gift"]) == (
        "2",
        "true",
        "false",
    )
    assert "none" not in attributes


def test_data_may_be_missing_or_null() -> None:
    assert parsed().data is None
    assert parsed(data=None).data == b"null"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"subject":"order-1"}', "missing required field `type`"),
        (b'{"type":"placed"}', "missing required field `subject`"),
        (b'{"type":"placed","subject":""}', "`$.subject`"),
        (b'{"type":"placed","subject":7.5}', "got `float`"),
        (b'{"type":"placed","subject":"1","time":"2026-11-01T12:00:00"}', "timezone"),
        (b'{"type":"placed","subject":"1","specversion":"0.3"}', "`$.specversion`"),
        (b'{"type":"placed","subject":"1","schemaversion":"two"}', "`$.schemaversion`"),
        (b'{"type":"placed","subject":"1","datacontenttype":"text/xml"}', "`$.datacontenttype`"),
        (b'{"type":"placed","subject":"1","ext":[1]}', "got `array`"),
        (b'{"type":"placed","subject":"1","traceParent":"1"}', "lower-case letters and digits"),
        (b'{"type":"placed","subject":"1","data_base64":"Mw=="}', "lower-case letters and digits"),
        (b'{"type":"placed","subject":"1","data":"\xff"}', "not UTF-8"),
        (b'{"type":"placed","subject":"1","data":NaN}', "malformed"),
        (b'{"type":"placed","subject":"1","data":' + b"[" * 100_000, "nested too deep"),
        (b"4111-1111", "Expected `object`"),
        (b"[]", "Expected `object`, got `array`"),
        (b'{"type":"placed"', "truncated"),
        ('{"type":"placed"}'.encode("utf-16"), "not UTF-8"),
    ],
)
def test_a_line_that_is_no_event_is_named(line: bytes, why: str) -> None:
    with pytest.raises(Misconfigured, match=r"^line 12 is no CloudEvent: ") as raised:
        parse_line(line, 12)
    assert why in str(raised.value)
    assert "4111" not in str(raised.value)


def test_lines_are_published_in_order_and_all_are_in_the_log() -> None:
    log, told = Log(), list[int]()
    lines = [LINE.replace(b"1", str(n).encode()) for n in range(3)]
    assert publish(log, [lines[0], b"\n", lines[1], b"  \r\n", lines[2]], in_log=told.append) == 3
    assert [event.key for event in log.sent] == [b"order-0", b"order-1", b"order-2"]
    assert log.safe == 3
    assert told == [3]


def test_a_bad_line_counts_the_blank_ones_and_leaves_what_came_before_it_in_the_log() -> None:
    log, told = Log(), list[int]()
    with pytest.raises(Misconfigured, match=r"^line 3 "):
        publish(log, [LINE, b"", b"x", LINE], in_log=told.append)
    assert log.safe == 1
    assert told == [1]


def test_ctrl_c_leaves_what_came_before_it_in_the_log_and_says_how_many() -> None:
    def interrupted() -> Iterator[bytes]:
        yield from (LINE, LINE)
        raise KeyboardInterrupt

    log, told = Log(), list[int]()
    with pytest.raises(KeyboardInterrupt):
        publish(log, interrupted(), in_log=told.append)
    assert log.safe == 2
    assert told == [2]


def test_nothing_is_reported_as_published_that_is_not_in_the_log() -> None:
    told = list[int]()
    for lines in ([LINE], [LINE, b"x"]):
        with pytest.raises(Transient, match="the broker is away"):
            publish(Log(fails=True), lines, in_log=told.append)
    assert told == []


@settings(deadline=None)  # the machine may be busy
@given(st.binary() | st.text().map(lambda text: b'{"type":"t","subject":"' + text.encode() + b'"}'))
def test_a_line_is_an_event_that_our_codec_reads_or_misconfigured(line: bytes) -> None:
    try:
        outgoing = parse_line(line, 1)
    except Misconfigured:
        return
    record = Record(Partition("orders", 3), IntOffset(41), outgoing.key, outgoing.structured())
    assert CloudEvents().decode(record).aggregate_id.encode() == outgoing.key
