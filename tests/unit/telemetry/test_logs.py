"""What the log says, and what it keeps to itself."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import structlog

from consumer.errors import ApplyFailed, OffsetLost, SequenceGap, Transient
from consumer.model.event import undecodable
from consumer.model.facts import (
    Applied,
    Claimed,
    Duplicated,
    Fact,
    Gapped,
    Halted,
    Lagged,
    Skipped,
    Started,
    Stopped,
    Waiting,
)
from consumer.model.lag import Lag
from consumer.model.operations import ErrorType
from consumer.model.position import IntOffset, Partition
from consumer.telemetry.logs import Format, Logs, configure, told

ORDERS = Partition("orders", 3)
APPLIED = Applied(ORDERS, 7, 480, 500, IntOffset(999), 0.0123456789, 0.01, 0.0021)


def waiting(attempt: int, delay: float, cause: Exception) -> Waiting:
    return Waiting(ORDERS, 7, IntOffset(4), attempt, delay, cause, ErrorType.APPLY, 0.1)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(*facts: Fact, format: Format = "json", level: str = "debug") -> str:
    stream = io.StringIO()
    configure(format, level, stream=stream)
    logs = Logs("customers")
    for fact in facts:
        logs.happened(fact)
    return stream.getvalue()


def line(fact: Fact) -> dict[str, Any]:
    (text,) = logged(fact).splitlines()
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def test_a_fact_is_one_line_with_its_verb_its_place_and_its_numbers() -> None:
    found = line(APPLIED)

    assert list(found)[:3] == ["time", "level", "event"]
    del found["time"]
    assert found == {
        "level": "debug",
        "event": "applied",
        "projection": "customers",
        "partition": "orders/3",
        "epoch": 7,
        "events": 480,
        "records": 500,
        "offset": "999",
        "seconds": 0.012346,
        "apply_seconds": 0.01,
        "commit_seconds": 0.0021,
    }


@pytest.mark.parametrize(
    ("fact", "level"),
    [
        (Started("me"), "info"),
        (Claimed(ORDERS, 1, IntOffset(-1)), "info"),
        (APPLIED, "debug"),
        (waiting(1, 0.1, Transient("Redis is away")), "warning"),
        (Halted(ORDERS, None, None, OffsetLost("gone")), "error"),
        (Stopped(), "info"),
    ],
)
def test_what_needs_a_person_is_louder_than_what_does_not(fact: Fact, level: str) -> None:
    assert line(fact)["level"] == level


def test_a_client_of_http_does_not_tell_each_request() -> None:
    stream = io.StringIO()
    configure("json", "debug", stream=stream)
    for client in ("httpx", "httpx2", "httpcore2.http11"):
        logging.getLogger(client).info("HTTP Request: GET http://registry/schemas/ids/1")
        logging.getLogger(client).warning("a warning of %s", client)
    said = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert said == [f"a warning of {client}" for client in ("httpx", "httpx2", "httpcore2.http11")]


def test_a_lag_is_a_number_of_events_for_each_partition() -> None:
    assert line(Lagged({ORDERS: Lag(12, None)}))["lags"] == {"orders/3": 12}


@pytest.mark.parametrize("format", ["console", "json"])
def test_a_batch_that_waits_says_which_part_failed(format: Format) -> None:
    found = logged(waiting(1, 0.1, Transient("away")), format=format)
    assert "apply_error" in found
    assert "ErrorType" not in found


def test_applied_is_silent_unless_somebody_wants_to_see_it() -> None:
    assert logged(APPLIED, level="info") == ""


def test_a_person_at_a_terminal_reads_columns_and_everything_else_json() -> None:
    for stream, is_json in ((io.StringIO(), True), (Terminal(), False)):
        configure("auto", "info", stream=stream)
        Logs("customers").happened(Stopped())
        assert stream.getvalue().startswith("{") is is_json


def test_libraries_that_log_for_themselves_come_out_the_same_way() -> None:
    stream = io.StringIO()
    configure("json", "warning", stream=stream)

    logging.getLogger("rdkafka").warning("broker %s is away", "b1")
    logging.getLogger("rdkafka").info("not worth a line")

    found = json.loads(stream.getvalue())
    assert (found["event"], found["logger"]) == ("broker b1 is away", "rdkafka")


def raised() -> Exception:
    try:
        {}["jane@example.com"]
    except KeyError as caught:
        return caught
    raise AssertionError


def test_our_errors_speak_for_themselves() -> None:
    assert told(Transient("Redis is away")) == "Transient: Redis is away"


def test_of_foreign_errors_the_log_has_the_type_and_the_place_but_not_the_text() -> None:
    failed = ApplyFailed(ORDERS, IntOffset(4), "customers raised KeyError")
    failed.__cause__ = raised()

    found = line(waiting(2, 0.2, failed))

    assert found["cause"].startswith(
        "ApplyFailed: orders/3 at offset 4: customers raised KeyError <- KeyError at telemetry/test_logs.py:"
    )
    assert "jane" not in json.dumps(found)


def test_an_error_that_was_never_raised_has_a_type_at_least() -> None:
    assert told(KeyError("jane@example.com")) == "KeyError"


def test_the_last_line_counts_what_was_applied_and_what_was_skipped() -> None:
    skipped = Skipped(APPLIED.partition, APPLIED.offset, ValueError())

    *_, last = logged(APPLIED, skipped, APPLIED, Stopped()).splitlines()

    stopped = json.loads(last)
    assert (stopped["event"], stopped["applied"]) == ("stopped", 2 * APPLIED.events)
    assert stopped["skipped"] == 1
    assert "next" not in stopped


def test_a_run_that_passed_over_all_that_it_read_asks_for_the_types() -> None:
    of_others = msgspec.structs.replace(APPLIED, events=0)
    stopped = json.loads(logged(of_others, of_others, Stopped()).splitlines()[-1])
    assert (stopped["applied"], stopped["skipped"]) == (0, 0)
    assert stopped["next"].startswith("none of 1000 records held an event of a type")
    assert "next" not in json.loads(logged(Stopped()))


def test_a_partition_that_halts_before_a_poison_event_says_what_to_do() -> None:
    poison = undecodable(ORDERS, IntOffset(5), b"x", "no event")
    advice = line(Halted(ORDERS, 7, IntOffset(4), poison))["next"]
    assert advice.startswith("see that source.codec is the one of this topic; then deploy a codec")
    assert "on_undecodable: skip" in advice
    assert "next" not in line(Halted(ORDERS, 7, IntOffset(4), OffsetLost("gone")))


def test_a_gap_says_itself_what_to_do_and_what_goes_on_over_one_is_a_warning() -> None:
    gap = SequenceGap(ORDERS, IntOffset(5), "its sequence is 7")
    assert "next" not in line(Halted(ORDERS, 7, IntOffset(4), gap))

    gapped = line(Gapped(ORDERS, 2, IntOffset(5), 7, 4))
    assert (gapped["event"], gapped["level"]) == ("gapped", "warning")
    assert (gapped["events"], gapped["offset"], gapped["sequence"], gapped["last"]) == (
        2,
        "5",
        7,
        4,
    )
    assert line(Duplicated(ORDERS, 3))["events"] == 3
