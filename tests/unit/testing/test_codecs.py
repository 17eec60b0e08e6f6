"""The check of codecs finds what is wrong with one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from consumer import Event, IntOffset, Partition, Record, Transient, undecodable
from consumer.adapters.codecs.json import Json
from consumer.adapters.codecs.metadata import Metadata
from consumer.testing import assert_codec_holds

ORDERS = Partition("orders", 3)
PLACED = Record(ORDERS, IntOffset(41), b"o-1", b'{"total": 3}', [("kind", b"placed")])


class Careful:
    """A codec as it should be; the others each forget something."""

    def decode(self, record: Record) -> Event:
        try:
            return self.read(record)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise self.refused(record) from None

    def refused(self, record: Record) -> Exception:
        return undecodable(record.partition, record.offset, record.value, "no order")

    def read(self, record: Record) -> Event:
        data = json.loads(record.value or b"")
        return self.event(record, {"total": data["total"]})

    def event(self, record: Record, data: Any, **more: Any) -> Event:
        said = {"id": "7", "partition": record.partition, "offset": record.offset, **more}
        return Event(type="placed", aggregate_id="", data=data, **said)


def test_a_codec_that_holds_passes() -> None:
    assert_codec_holds(Careful(), PLACED)
    assert_codec_holds(Json(type="header:kind"), PLACED)


def test_a_codec_may_say_that_something_is_out_of_reach() -> None:
    class Waiting(Careful):
        def refused(self, record: Record) -> Exception:
            return Transient("the keys are away")

    assert_codec_holds(Waiting(), PLACED)


def test_a_codec_may_make_several_events_of_a_record() -> None:
    class Bundled(Careful):
        def decode(self, record: Record) -> Any:
            return [super().decode(record), super().decode(record)]

    assert_codec_holds(Bundled(), PLACED)


class Trusting(Careful):
    def decode(self, record: Record) -> Event:
        return self.read(record)


class Lazy(Careful):
    """Its metadata breaks when it is looked at."""

    def read(self, record: Record) -> Event:
        metadata = Metadata(lambda record: json.loads(record.value or b""), record)
        return self.event(record, 3, metadata=metadata)


class Elsewhere(Careful):
    def refused(self, record: Record) -> Exception:
        return undecodable(record.partition, IntOffset(0), record.value, "no order")


class Numbering(Careful):
    calls = 0

    def read(self, record: Record) -> Event:
        self.calls += 1
        return self.event(record, {}, id=str(self.calls))


class Misplacing(Careful):
    def read(self, record: Record) -> Event:
        return self.event(record, {}, offset=IntOffset(0))


class Refusing(Careful):
    def read(self, record: Record) -> Event:
        raise ValueError


@pytest.mark.parametrize(
    ("codec", "why"),
    [
        (Trusting(), "Trusting raised JSONDecodeError, and not Undecodable, for Record"),
        (Lazy(), "Lazy raised JSONDecodeError, and not Undecodable"),
        (Elsewhere(), "Elsewhere names another place: orders/3 at offset 0"),
        (Numbering(), "Numbering made of the same record\n  once:"),
        (Misplacing(), "Misplacing lost the record's place"),
        (Refusing(), "Refusing does not read a record: orders/3 at offset 41: no order"),
    ],
    ids=lambda of: type(of).__name__,
)
def test_what_a_codec_forgets_is_found(codec: Any, why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        assert_codec_holds(codec, PLACED)


def test_only_any_bytes_at_all_find_a_rare_mistake() -> None:
    class Rare(Careful):
        def decode(self, record: Record) -> Event:
            if len(record.headers) == 4:
                raise ZeroDivisionError
            return super().decode(record)

    with pytest.raises(AssertionError, match="Rare raised ZeroDivisionError"):
        assert_codec_holds(Rare(), PLACED)
