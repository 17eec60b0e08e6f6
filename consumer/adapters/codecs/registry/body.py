"""What a key or a value is, once its schema is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from consumer.model.record import Record


class Body(msgspec.Struct, frozen=True, gc=False):
    """A decoded key or value."""

    #: The schema's full name, "" where it has none.
    name: str
    #: Plain Python values; of JSON Schema `msgspec.Raw`.
    data: Any
    #: Of Avro the schema as its writer had it, parsed; else None.
    schema: Any = None


#: Reads the bytes of a record from a place on; raises `Undecodable`, and nothing else.
Read = Callable[[Record, bytes, int], Body]
