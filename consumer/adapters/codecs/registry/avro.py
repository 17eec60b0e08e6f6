"""Avro: what its bytes hold, by the schema they were written with and the one that a reader asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import IO, Any, cast

from fastavro import schemaless_reader
from fastavro._read_py import schemaless_reader as careful_reader
from fastavro.read import SchemaResolutionError

from consumer.adapters.codecs.reading import refused
from consumer.adapters.codecs.registry.avro_schemas import Branch, Schema, parsed
from consumer.adapters.codecs.registry.avro_values import Inadmissible
from consumer.adapters.codecs.registry.body import Body, Read
from consumer.adapters.codecs.registry.registered import Registered
from consumer.adapters.codecs.registry.varints import MORE, signed
from consumer.model.event import reason
from consumer.model.record import Record

_MORE_BYTE = bytes([MORE])

#: Bytes of a number; ten are enough, and more that are read one by one may be something else.
_LONGEST = 64


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
    readable, into = _forms(schema, wanted, is_wrapped)
    bare, written = schema.bare, branch.written
    read = _fastavro(schema, wanted)

    def read_body(record: Record, data: bytes, start: int) -> Body:
        stream = BytesIO(data)
        stream.seek(start)
        try:
            if into is not None:  # by it fastavro passes over fields without a look at them
                read(stream, bare, None, handle_unicode_errors="ignore")
                stream.seek(start)
            value = read(stream, readable, into)
        except Exception as cause:  # whatever fastavro raises is about the bytes
            raise refused(record, f"{title}: {_why(cause)}") from cause
        if stream.tell() != len(data):
            raise refused(record, f"{title}: bytes are left behind the value")
        return Body(name, value["body"] if is_wrapped else value, written)

    return read_body


def _forms(schema: Schema, wanted: Schema | None, is_wrapped: bool) -> tuple[Any, Any]:
    """What fastavro reads by, and what it makes of it."""
    if wanted is None:
        return schema.counted, None
    return (schema.wrapped, wanted.wrapped) if is_wrapped else (schema.alone, wanted.alone)


def _union(title: str, reads: Sequence[Read]) -> Read:
    """Reads the branch's number first, which fastavro reads again: only so is its name known."""

    def read_branch(record: Record, data: bytes, start: int) -> Body:
        try:
            branch, _ = signed(data, start)
        except IndexError:
            branch = -1
        if not 0 <= branch < len(reads):
            raise refused(record, f"{title}: the union has no such branch")
        return reads[branch](record, data, start)

    return read_branch


def _fastavro(*schemas: Schema | None) -> Callable[..., Any]:
    """What reads. Of types that are nested deep only fastavro's Python code can: the stack of the other
    overflows, and the process ends; of types within themselves a few kilobytes do it.
    """
    is_deep = any(schema is not None and schema.is_deep for schema in schemas)
    return _read_carefully if is_deep else schemaless_reader


def _read_carefully(stream: BytesIO, *schemas: Any, **options: Any) -> Any:
    return careful_reader(cast("IO[Any]", _Numbers(stream)), *schemas, **options)


class _Numbers:
    """Bytes for fastavro's Python code, to which a number has no last byte: to make one of a megabyte takes minutes."""

    def __init__(self, stream: BytesIO) -> None:
        self._read = stream.read
        #: How many bytes, each read alone, said that the next one belongs to the number too.
        self._more = 0

    def read(self, size: int = -1) -> bytes:
        data = self._read(size)
        if size != 1 or data < _MORE_BYTE:
            self._more = 0
        elif self._more == _LONGEST:
            raise ValueError("a number without end")
        else:
            self._more += 1
        return data


def _reads(schema: Schema, name: str) -> bool:
    return any(name in (each.name, *each.aliases) for each in schema.branches)


def _why(cause: Exception) -> str:
    """Never fastavro's own words: they may quote the bytes."""
    if isinstance(cause, Inadmissible):
        return str(cause)
    if isinstance(cause, SchemaResolutionError):
        return "it cannot be read as the reader's schema: is that one compatible?"
    if isinstance(cause, EOFError | IndexError):
        return "the bytes end too early"
    if isinstance(cause, KeyError):
        return "a union or an enum has no such branch"
    if isinstance(cause, OverflowError):
        return "a date or a time lies outside of the years 1 to 9999"
    return f"the bytes are not of this schema ({reason(cause)})"
