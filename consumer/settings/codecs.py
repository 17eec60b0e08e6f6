"""The form that events have on a topic."""

from __future__ import annotations

import difflib
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from consumer.settings.shape import ReadableFile, Shape, import_string, one_of

_NAMES = ("cloudevents", "envelope", "schema_registry", "debezium", "outbox")


class JsonPlaces(Shape):
    """Where the attributes of an event stand in JSON that knows no envelope of ours.

    A place is `header:NAME`, `field:NAME` (`field:OUTER.INNER` where it is nested, `field:NAME.0` for the
    first in an array), `key` or `const:VALUE`.
    """

    type: str
    """The type of event."""

    id: str | None = None
    """The event's id; its partition and offset where nothing is said."""

    aggregate_id: str | None = None
    """What the event is about; the key where nothing is said."""

    version: str | None = None
    """The schema version of the data; 1 where nothing is said."""

    time: str | None = None
    """When it happened; the broker's time where nothing is said."""

    data: str | None = None
    """The data, a `field:` only; the whole value where nothing is said."""


class RegistryPlaces(Shape):
    """Where the attributes of an event stand in Avro, Protobuf and JSON Schema.

    A place is `field:NAME` (`field:OUTER.INNER` where it is nested, `field:NAME.0` for the first in an
    array), `key`, `key:NAME` where the key has a schema too, `header:NAME` or `const:VALUE`.
    """

    type: str | None = None
    """The type of event; the schema's full name where nothing is said."""

    id: str | None = None
    """The event's id; its partition and offset where nothing is said."""

    aggregate_id: str | None = None
    """What the event is about; the key where nothing is said: a text, or by its schema one value or a record of one field."""

    version: str | None = None
    """The schema version of the data; 1 where nothing is said."""

    time: str | None = None
    """When it happened; the broker's time where nothing is said."""

    data: str | None = None
    """The data, a `field:` only; the whole value where nothing is said."""

    reader_schemas: tuple[ReadableFile, ...] = ()
    """Files with an Avro schema each: what was written as a type of its name, or of one of its `aliases`, is read as it."""


class OutboxPlaces(Shape):
    """Where Debezium's outbox event router puts the columns of an event, as its settings say.

    A place is `header:NAME`, `field:NAME` (`field:OUTER.INNER` where it is nested, `field:NAME.0` for the
    first in an array), `key` or `const:VALUE`.
    """

    type: str = "header:eventType"
    """The type of event."""

    id: str = "header:id"
    """The event's id."""

    aggregate_id: str = "key"
    """What the event is about."""

    version: str = "header:eventVersion"
    """The schema version of the data; 1 where there is none."""

    time: str | None = None
    """When it happened; the record's time where nothing is said."""

    data: str | None = None
    """The data, a `field:` only; the whole value where nothing is said."""


class CodecOfPlaces(Shape):
    """A codec, and where it finds the attributes of an event: `json`, `schema_registry` or `outbox`."""

    json_: Annotated[JsonPlaces | None, Field(alias="json")] = None
    """JSON that others write."""

    schema_registry: RegistryPlaces | None = None
    """Avro, Protobuf and JSON Schema, by the schema registry of the Kafka cluster."""

    outbox: OutboxPlaces | None = None
    """What Debezium's outbox event router writes."""

    @model_validator(mode="after")
    def _one_kind(self) -> CodecOfPlaces:
        one_of(self, "json_", "schema_registry", "outbox")
        return self


def _named(text: str) -> str:
    if text in _NAMES:
        return text
    try:
        return import_string(text)
    except ValueError:
        raise ValueError(f"{text!r} is none of {', '.join(_NAMES)}, and {_hint(text)}") from None


def _hint(text: str) -> str:
    if text == "json":
        return "json is told where the type of an event stands: {json: {type: ...}}"
    close = difflib.get_close_matches(text, _NAMES, n=1)
    also = f"; did you mean {close[0]}?" if close else ""
    return f"no import string: module:name{also}"


def _branch(value: Any) -> str:
    return "<name>" if isinstance(value, str) else "<places>"


#: `cloudevents`, `envelope`, `schema_registry`, `debezium`, `outbox`, an import string, or `{json: {...}}` and its like.
CodecSettings = Annotated[
    Annotated[str, AfterValidator(_named), Tag("<name>")]
    | Annotated[CodecOfPlaces, Tag("<places>")],
    Discriminator(_branch),
]
