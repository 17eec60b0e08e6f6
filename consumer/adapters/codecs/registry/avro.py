"""Avro: what its bytes hold, by the schema they were written with and the one that a reader asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

from fastavro import schemaless_reader
from fastavro._read_py import schemaless_reader as careful_reader
from fastavro.read import SchemaResolutionError

from consumer.adapters.codecs.reading import refused
from consumer.adapters.codecs.registry.avro_schemas import Branch, Schema, parsed
from consumer.adapters.codecs.registry.avro_values import Inadmissible
from consumer.adapters.codecs.registry.body import Body, Read
from consumer.adapters.codecs.registry.registered import Registered
from consumer.model.event import reason
from consumer.model.record import Record

#: The bit that says that the next byte belongs to the number too.
_MORE = 0x80


def reader(schema: Registered, reader_schemas: Sequence[Schema] = ()) -> Read:
    """What reads values of this schema; of a type that a reader's schema names, or has for an alias, as that one.

    Raises `Unreadable`.
    """
    written = parsed(schema.text, schema.every_reference())
    reads = [_read(schema.title, written, each, reader_schemas) for each in written.branches]
    return _union(schema.title, reads) if written.is_union else reads[0]


def _read(title: str, schema: Schema, branch: Branch, reader_schemas: Sequence[Schema]) -> Read:
    wanted = next((each for each in reader_schemas if _reads(each, branch.name)), None)
    name = branch.name if wanted is None else wanted.branches[0].name
    is_wrapped = schema.alone is None or (wanted is not None and wanted.alone is None)
    readable = schema.wrapped if is_wrapped else schema.alone
    into = wanted and (wanted.wrapped if is_wrapped else wanted.alone)
    written = branch.written
    read = _fastavro(schema, wanted)

    def read_body(record: Record, data: bytes, start: int) -> Body:
        stream = BytesIO(data)
        stream.seek(start)
        try:
            value = read(stream, readable, into)
        except Exception as cause:  # whatever fastavro raises is about the bytes
            raise refused(record, f"{title}: {_why(cause)}") from cause
        if stream.tell() != len(data):
            raise refused(record, f"{title}: bytes are left behind the value")
        return Body(name, value["body"] if is_wrapped else value, written)

    return read_body


def _union(title: str, reads: Sequence[Read]) -> Read:
    """Reads the branch's number first, which fastavro reads again: only so is its name known."""

    def read_branch(record: Record, data: bytes, start: int) -> Body:
        branch = _number(data, start)
        if branch is None or not 0 <= branch < len(reads):
            raise refused(record, f"{title}: the union has no such branch")
        return reads[branch](record, data, start)

    return read_branch


def _number(data: bytes, at: int) -> int | None:
    """Avro's way to write a number; None where the bytes end within it."""
    folded = shift = 0
    for byte in data[at : at + 10]:
        folded |= (byte & ~_MORE) << shift
        if not byte & _MORE:
            return (folded >> 1) ^ -(folded & 1)
        shift += 7
    return None


def _fastavro(*schemas: Schema | None) -> Callable[..., Any]:
    """What reads. Of types within themselves only fastavro's Python code can: nested deep enough, a few
    kilobytes overflow the stack of the other, and end the process.
    """
    is_recursive = any(schema is not None and schema.is_recursive for schema in schemas)
    return careful_reader if is_recursive else schemaless_reader


def _reads(schema: Schema, name: str) -> bool:
    return any(name in (each.name, *each.aliases) for each in schema.branches)


def _why(cause: Exception) -> str:
    """Never fastavro's own words: they may quote the bytes."""
    if isinstance(cause, Inadmissible):
        return str(cause)
    if isinstance(cause, SchemaResolutionError):
        return "it cannot be read as the reader's schema: is that one compatible?"
    if isinstance(cause, EOFError):
        return "the bytes end too early"
    if isinstance(cause, IndexError):
        return "the bytes end too early, or a union or an enum has no such branch"
    if isinstance(cause, OverflowError):
        return "a date or a time lies outside of the years 1 to 9999"
    return f"the bytes are not of this schema ({reason(cause)})"
