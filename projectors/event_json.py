"""An event's data as JSON text, for projectors that keep it as it came."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from consumer import Event, undecodable

#: U+0000 as JSON writes it, behind an even number of backslashes.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def checked(event: Event) -> Event:
    """The event, if its names can be kept as text; `Undecodable` where one holds what no store takes."""
    for text in (event.id, event.type, event.aggregate_id):
        if "\0" in text or not _is_unicode(text):
            why = "its id, type or aggregate id holds U+0000 or half a character, which no store takes"
            raise undecodable(event.partition, event.offset, None, why)
    return event


def json_of(event: Event) -> str | None:
    """The data as JSON, in the producer's own words where it came as bytes; None for a tombstone.

    Raises `Undecodable` for what is no JSON: a binary event's data has been looked at by nobody yet.
    """
    data: Any = event.data
    if data is None:
        return None
    if isinstance(data, msgspec.Raw):
        event.decode(Any)
        return _keepable(event, bytes(data).decode())
    try:
        return _keepable(event, msgspec.json.encode(data).decode())
    except (TypeError, ValueError, RecursionError, OverflowError) as cause:
        why = f"its data cannot be written as JSON ({type(cause).__name__})"
        raise undecodable(event.partition, event.offset, None, why) from cause


def _keepable(event: Event, text: str) -> str:
    if _NUL.search(text) or (r"\ud" in text.lower() and not _is_unicode_json(text)):
        why = "its data holds U+0000 or half a character, which no store takes"
        raise undecodable(event.partition, event.offset, None, why)
    return text


def _is_unicode_json(text: str) -> bool:
    try:
        msgspec.json.encode(msgspec.json.decode(text))
    except (UnicodeError, msgspec.MsgspecError):
        return False
    return True


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
