"""The audit's record, without any store."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from consumer.errors import Misconfigured
from consumer.model.position import IntOffset, Partition, StreamOffset
from consumer.model.reset import Move, Reset, decoded, encoded

RESET = Reset(
    "rooms@2",
    datetime(2026, 11, 23, 12, 0, 0, 5, tzinfo=UTC),
    "ada@host-1:42",
    "--to-earliest",
    (
        Move(Partition("visits", 0), None, IntOffset(-1)),
        Move(Partition("a/b", 1), StreamOffset(7, 1), StreamOffset(0, 0)),
    ),
)


def test_a_reset_is_kept_as_json_that_a_person_can_read() -> None:
    assert json.loads(encoded(RESET)) == {
        "projection": "rooms@2",
        "at": "2026-11-23T12:00:00.000005Z",
        "by": "ada@host-1:42",
        "to": "--to-earliest",
        "moves": [
            {"partition": "visits/0", "before": None, "after": "-1"},
            {"partition": "a/b/1", "before": "7-1", "after": "0-0"},
        ],
    }


def test_a_reset_comes_back_as_it_was_from_bytes_and_from_text() -> None:
    assert decoded(encoded(RESET)) == RESET
    assert decoded(encoded(RESET).decode()) == RESET


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b'{"projection"', b'"projection"'),
        (b'"-1"', b'"minus one"'),
        (b'"7-1"', b'"7-one"'),
        (b'"visits/0"', b'"visits"'),
        (b'"2026-11-23T', b'"yesterday, T'),
        (b'"by":"ada@host-1:42",', b""),
    ],
)
def test_a_damaged_record_is_told_as_one(was: bytes, becomes: bytes) -> None:
    record = encoded(RESET)
    assert was in record

    with pytest.raises(Misconfigured, match=r"audit of resets is damaged.*take the record out"):
        decoded(record.replace(was, becomes))
