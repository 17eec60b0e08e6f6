"""From JSON Lines to events in a log."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from consumer.errors import Misconfigured
from consumer.model.event import BAD_BYTES, reason
from consumer.model.outgoing import Outgoing
from consumer.ports.publisher import Publisher

#: The `source` of events that name none.
SOURCE = "/projections/publish"


class _NoEvent(Misconfigured):
    """A line is no CloudEvent, as opposed to what else may be misconfigured."""


class _Attributes(msgspec.Struct):
    """What the attributes must be; the extensions may be anything."""

    specversion: Annotated[str, Meta(pattern=r"^1\.")]
    id: Annotated[str, Meta(min_length=1)]
    source: Annotated[str, Meta(min_length=1)]
    type: Annotated[str, Meta(min_length=1)]
    subject: Annotated[str, Meta(min_length=1)]
    time: Annotated[datetime, Meta(tz=True)]
    schemaversion: Annotated[str, Meta(pattern=r"^[0-9]{1,18}$")] = "1"
    datacontenttype: Annotated[str, Meta(pattern=r"^[a-z]+/(.+\+)?json *(;|$)")] = (
        "application/json"
    )


_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_value = msgspec.json.Decoder(str | int | bool | None)


def publish(
    publisher: Publisher,
    lines: Iterable[bytes],
    *,
    default_source: str = SOURCE,
    in_log: Callable[[int], None] = lambda _: None,
) -> int:
    """Publishes a CloudEvent for each line that is not blank, and returns how many, all in the log.

    `in_log` is told how many, too, also before `Misconfigured` is raised at the first line that is no
    CloudEvent, and at Ctrl-C. Where the publisher raises, nobody knows, and nothing is told.
    """
    sent = 0
    try:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                publisher.send(parse_line(line, number, default_source=default_source))
                sent += 1
    except (_NoEvent, KeyboardInterrupt):
        publisher.flush()
        in_log(sent)
        raise
    publisher.flush()
    in_log(sent)
    return sent


def parse_line(line: bytes, number: int, *, default_source: str = SOURCE) -> Outgoing:
    """The event on a line: a CloudEvent as one JSON object, whose `subject` becomes the key.

    It must have `type` and `subject`. An absent `id` becomes a UUID, `time` now, `source` the
    default, `specversion` 1.0; `data` is any JSON. Raises `Misconfigured`, naming the line.
    """
    try:
        members = _members.decode(str(line, "utf-8"))
        data = members.pop("data", None)
        attributes = _completed(_printed(members), default_source)
        msgspec.convert(attributes, _Attributes)
    except BAD_BYTES as cause:
        raise _wrong(number, reason(cause)) from cause
    if not all(map(_is_name, attributes)):
        raise _wrong(number, "the name of an attribute is not of lower-case letters and digits")
    return Outgoing(
        key=attributes["subject"].encode(),
        attributes=attributes,
        data=None if data is None else bytes(data),
    )


def _printed(members: Mapping[str, msgspec.Raw]) -> dict[str, str]:
    """The attributes as CloudEvents prints them; null is as absent."""
    values = {name: _value.decode(raw) for name, raw in members.items()}
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: str | int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _completed(attributes: dict[str, str], source: str) -> dict[str, str]:
    attributes.setdefault("specversion", "1.0")
    attributes.setdefault("source", source)
    if "id" not in attributes:
        attributes["id"] = str(uuid.uuid4())
    if "time" not in attributes:
        attributes["time"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return attributes


def _is_name(name: str) -> bool:
    return name.isascii() and name.isalnum() and name == name.lower()


def _wrong(number: int, why: str) -> Misconfigured:
    return _NoEvent(
        f"line {number} is no CloudEvent: {why}; write one JSON object a line, "
        'as in {"type": "OrderPlaced", "subject": "order-1", "data": {"total": 3}}'
    )
