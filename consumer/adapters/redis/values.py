"""The text of a row's values in Redis, for each kind of column, there and back."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from consumer.model.table import Kind


class Form(msgspec.Struct, frozen=True):
    """How values of a kind stand in a field; all raise `ValueError` or its like for what is none of the kind.

    What it writes is text; only bytes are themselves, and left as they are.
    """

    write: Callable[[Any], str]
    read: Callable[[bytes], Any]
    #: As an element of a JSON array, where that is not the text of `write`; and back.
    write_element: Callable[[Any], Any]
    read_element: Callable[[Any], Any]


def array_of(form: Form) -> Form:
    """The form of lists of such values, as JSON."""

    def write(value: Any) -> str:
        elements = [form.write_element(each) for each in _a(list, value)]
        return json.dumps(elements, ensure_ascii=False, allow_nan=False)

    def read(text: bytes) -> Any:
        return [form.read_element(each) for each in _a(list, json.loads(text))]

    return Form(write, read, write, read)


def in_key(kind: Kind) -> Callable[[Any], str]:
    """Gives the text of a value in a row's own key: the same for values that are equal."""
    match kind:
        case Kind.BYTES:
            return lambda value: _bytes(value).hex()
        case Kind.DECIMAL:
            return lambda value: _plain(_a(Decimal, value))
        case Kind.FLOAT:
            return lambda value: _float(_a_float(value) + 0.0)  # of -0.0 and 0.0 there is one row
        case _:
            return FORMS[kind].write


def _a(kind: type, value: Any) -> Any:
    """The value, if it is one: a `TypeError` where another type would be written in another form."""
    if not isinstance(value, kind):
        raise TypeError(f"{kind.__name__} is expected")
    return value


def _text(value: Any) -> str:
    if type(value) is str and value.isascii() and "\0" not in value:
        return value  # as most are
    if "\0" in _a(str, value):
        raise ValueError("a text holds no U+0000")
    value.encode()  # raises for half a surrogate
    return str.__str__(value)  # of an enum its value too


def _integer(value: Any) -> str:
    if not -(2**63) <= _a(int, value) < 2**63:
        raise ValueError("an integer has 64 bits")
    return f"{value:d}"


def _a_float(value: Any) -> float:
    """An int is one too, as for Python's types."""
    return float(value if isinstance(value, int) else _a(float, value))


def _float(value: Any) -> str:
    return repr(_a_float(value))


def _boolean(value: Any) -> str:
    return "1" if _a(bool, value) else "0"


def _read_boolean(text: bytes) -> bool:
    return {b"1": True, b"0": False}[text]


def _decimal(value: Any) -> str:
    return str(_a(Decimal, value))


def _plain(value: Decimal) -> str:
    """The same for 1, 1.0 and 1E+0."""
    if not value.is_finite():
        hash(value)  # raises for a signaling NaN, which is no key of anything in Python
        return str(value)
    sign, digits, exponent = value.as_tuple()
    kept = "".join(map(str, digits)).lstrip("0")
    short = kept.rstrip("0")
    if not short:
        return "0"
    places = int(exponent) + len(kept) - len(short)
    return str(Decimal((sign, tuple(map(int, short)), places)))


def _timestamp(value: Any) -> str:
    if _a(datetime, value).tzinfo is None:
        raise ValueError("a timestamp has a zone")
    at = value.astimezone(UTC).replace(tzinfo=None)
    return f"{at.isoformat(timespec='microseconds')}Z"


def _read_timestamp(text: bytes) -> datetime:
    at = datetime.fromisoformat(text.decode())
    if at.tzinfo is None:
        raise ValueError("a timestamp has a zone")
    return at.astimezone(UTC)


def _date(value: Any) -> str:
    if isinstance(value, datetime):
        raise TypeError("a date has no time")
    return str(_a(date, value))


def _uuid(value: Any) -> str:
    return str(_a(UUID, value))


def _bytes(value: Any) -> bytes:
    return bytes(_a(bytes, value))


def _number(value: Any) -> Any:
    """A float in JSON, which has no NaN and no infinity."""
    value = _a_float(value)
    return value if math.isfinite(value) else repr(value)


def _as_text(write: Callable[[Any], str], read: Callable[[bytes], Any]) -> Form:
    return Form(
        write,
        read,
        write,
        lambda text: read(_a(str, text).encode()),
    )


FORMS: Mapping[Kind, Form] = {
    Kind.TEXT: _as_text(_text, bytes.decode),
    Kind.INTEGER: Form(
        _integer, int, lambda value: int(_integer(value)), lambda value: _a(int, value)
    ),
    Kind.FLOAT: Form(_float, float, _number, float),
    Kind.BOOLEAN: Form(
        _boolean, _read_boolean, lambda value: _a(bool, value), lambda value: _a(bool, value)
    ),
    Kind.DECIMAL: _as_text(_decimal, lambda text: Decimal(text.decode())),
    Kind.TIMESTAMP: _as_text(_timestamp, _read_timestamp),
    Kind.DATE: _as_text(_date, lambda text: date.fromisoformat(text.decode())),
    Kind.UUID: _as_text(_uuid, lambda text: UUID(text.decode())),
    Kind.BYTES: Form(
        _bytes,  # type: ignore[arg-type]  # the one that is no text
        bytes,
        lambda value: base64.b64encode(_bytes(value)).decode(),
        lambda text: base64.b64decode(_a(str, text), validate=True),
    ),
    Kind.JSON: _as_text(_text, bytes.decode),
}
