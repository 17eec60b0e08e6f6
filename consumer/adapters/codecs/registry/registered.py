"""A schema as a registry keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec


class Unregistered(Exception):
    """The registry answers that it has no such schema; the text is a line for a person."""


class Unreadable(Exception):
    """The schema is none of its type, or of a kind that we do not read; the text says why."""


class Reference(msgspec.Struct, frozen=True):
    """Another schema that a schema builds on."""

    #: What the text calls it: an Avro name, a Protobuf import, an address of JSON Schema.
    name: str
    schema: Registered


class Registered(msgspec.Struct, frozen=True):
    """A schema as it was registered, and all that it refers to."""

    #: What messages call it, as in `schema 7`.
    title: str
    #: `AVRO`, `PROTOBUF`, `JSON`, or what else the registry keeps.
    type: str
    text: str
    references: Sequence[Reference] = ()

    def every_reference(self) -> Mapping[str, Registered]:
        """All that it refers to, also by way of others, by name: what others build on comes first."""
        found: dict[str, Registered] = {}
        _gather(self, found, set())
        return found


def _gather(schema: Registered, found: dict[str, Registered], seen: set[str]) -> None:
    """Goes to each name once, however many refer to it."""
    for reference in schema.references:
        if reference.name not in seen:
            seen.add(reference.name)
            _gather(reference.schema, found, seen)
            found[reference.name] = reference.schema
