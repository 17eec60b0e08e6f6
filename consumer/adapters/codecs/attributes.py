"""CloudEvents attributes that stand in headers, or in the fields of a Redis stream's entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from consumer.adapters.codecs.reading import header_values, refused, text, whole
from consumer.model.record import Record

#: The first header as most producers write it, ours among them, to say that the value is the whole event, or
#: a batch of whole events.
STRUCTURED = (
    ("content-type", b"application/cloudevents+json; charset=UTF-8"),
    ("content-type", b"application/cloudevents+json"),
    ("content-type", b"application/cloudevents-batch+json"),
)

Headers = Sequence[tuple[str, bytes | None]]

_REQUIRED = ("specversion", "id", "source", "type")
_TAKEN = frozenset({"id", "type", "subject", "time", "schemaversion", "sequence"})
_READ = (*_REQUIRED, *_TAKEN, "datacontenttype")

#: The names of headers, and the attribute that each holds.
_KAFKA = {f"ce_{name}": name for name in _READ} | {"content-type": "datacontenttype"}
_REDIS = {name: name for name in _READ}


def attributes(record: Record) -> tuple[Mapping[str, str], str] | None:
    """The attributes in the headers that make an event, and the prefix of their names.

    None where the value holds the whole event. Raises `Undecodable` if an attribute is repeated or
    is not UTF-8.
    """
    headers = record.headers
    values = dict(headers)
    prefix = _prefix(values)
    if prefix is None:
        return None
    attribute_of = _KAFKA if prefix else _REDIS
    if len(values) < len(headers):
        return _one_by_one(record, attribute_of), prefix
    try:
        return {
            attribute_of[name]: value.decode()
            for name, value in headers
            if name in attribute_of and value is not None
        }, prefix
    except UnicodeDecodeError:
        return _one_by_one(record, attribute_of), prefix


def other_values(record: Record, prefix: str) -> dict[str, Any]:
    """The other attributes and headers; an attribute hides a header of its name."""
    headers, extensions = {}, {}
    for name, value in header_values(record).items():
        if name == "content-type":
            extensions["datacontenttype"] = value
        elif not name.startswith(prefix):
            headers[name] = value
        elif not is_taken(attribute := name.removeprefix(prefix), value):
            extensions[attribute] = value
    return headers | extensions


def is_taken(attribute: str, value: Any) -> bool:
    """Whether the attribute is a field of the `Event`; a sequence only if it is a whole number."""
    if attribute == "sequence":
        return whole(value) is not None
    return attribute in _TAKEN


def is_json(content_type: str | None) -> bool:
    """Whether data of this content type is JSON, as it is where none is given."""
    if content_type is None or content_type == "application/json":
        return True
    return content_type.partition(";")[0].strip().lower().endswith(("/json", "+json"))


def _one_by_one(record: Record, attribute_of: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in record.headers:
        if name in attribute_of and value is not None:
            attribute = attribute_of[name]
            if attribute in found:
                raise refused(record, f"the attribute {attribute} is repeated")
            found[attribute] = text(record, f"attribute {attribute}", value)
    return found


def _prefix(headers: Mapping[str, bytes | None]) -> str | None:
    content_type = headers.get("content-type")
    if content_type and content_type.lower().startswith(b"application/cloudevents"):
        return None
    if "ce_id" in headers or "ce_type" in headers or "ce_specversion" in headers:
        return "ce_"
    return "" if "specversion" in headers else None
