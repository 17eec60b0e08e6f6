"""What Debezium writes for a column that it was not told: a large one that PostgreSQL keeps apart, unchanged."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import msgspec
from msgspec import Raw

#: The connector's default.
_PLACEHOLDER = "__debezium_unavailable_value"
_BYTES = _PLACEHOLDER.encode()

#: How it stands in a column: as text, as bytes, in an array of text or of numbers, in a map.
_VALUES = (
    _PLACEHOLDER,
    _BYTES,
    b64encode(_BYTES).decode(),
    [_PLACEHOLDER],
    list(_BYTES),
    {_PLACEHOLDER: _PLACEHOLDER},
)
_WRITTEN = frozenset(map(msgspec.json.encode, _VALUES))
#: One of these is in every record with such a column: as text, in base64, as numbers.
_TEXT, _BASE64, _NUMBERS = _BYTES, b64encode(_BYTES), msgspec.json.encode(list(_BYTES))[1:-1]

_columns = msgspec.json.Decoder(dict[str, Raw] | None).decode


def may_be_in(value: bytes) -> bool:
    """Whether to look for it at all."""
    return _TEXT in value or _BASE64 in value or _NUMBERS in value


def without(row: dict[str, Any] | None) -> dict[str, Any] | None:
    """The row without such columns, as it is written: what nobody knows is left out."""
    return row and {name: value for name, value in row.items() if value not in _VALUES}


def raw_without(row: Raw) -> Raw:
    """The same in JSON; the others stay as they are, byte for byte."""
    columns = _columns(row)
    if columns is None:
        return row
    known = {name: value for name, value in columns.items() if bytes(value) not in _WRITTEN}
    return Raw(msgspec.json.encode(known))
