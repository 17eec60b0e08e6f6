"""An event's data as JSON text, for projectors that keep it as it came."""

from __future__ import annotations

from typing import Any

import msgspec

from consumer import Event, undecodable


def json_of(event: Event) -> str | None:
    """The data as JSON, in the producer's own words where it came as bytes; None for a tombstone.

    Raises `Undecodable` for what is no JSON: a binary event's data has been looked at by nobody yet.
    """
    data: Any = event.data
    if data is None:
        return None
    if isinstance(data, msgspec.Raw):
        event.decode(Any)
        return bytes(data).decode()
    try:
        return msgspec.json.encode(data).decode()
    except (TypeError, ValueError, RecursionError, OverflowError) as cause:
        why = f"its data cannot be written as JSON ({type(cause).__name__})"
        raise undecodable(event.partition, event.offset, None, why) from cause
