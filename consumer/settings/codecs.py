"""The form that events have on a topic."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag

from consumer.settings.shape import Shape, import_string

_NAMES = ("cloudevents", "envelope")


class JsonPlaces(Shape):
    """Where the attributes of an event stand in JSON that knows no envelope of ours.

    A place is `header:NAME`, `field:NAME` (`field:OUTER.INNER` where it is nested), `key` or
    `const:VALUE`.
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


class JsonCodecSettings(Shape):
    """JSON that others write."""

    json_: Annotated[JsonPlaces, Field(alias="json")]
    """Where the attributes of an event stand."""


def _named(text: str) -> str:
    if text in _NAMES:
        return text
    try:
        return import_string(text)
    except ValueError:
        names = ", ".join(_NAMES)
        raise ValueError(
            f"{text!r} is none of {names}, and no import string: module:name"
        ) from None


def _branch(value: Any) -> str:
    return "<name>" if isinstance(value, str) else "<places>"


#: `cloudevents`, `envelope`, an import string, or `{json: {...}}`.
CodecSettings = Annotated[
    Annotated[str, AfterValidator(_named), Tag("<name>")]
    | Annotated[JsonCodecSettings, Tag("<places>")],
    Discriminator(_branch),
]
