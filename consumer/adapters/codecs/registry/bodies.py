"""Keys and values by the schemas that they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

from consumer.adapters.codecs.reading import refused
from consumer.adapters.codecs.registry import avro, framing
from consumer.adapters.codecs.registry.avro_schemas import Schema
from consumer.adapters.codecs.registry.body import Body, Read
from consumer.adapters.codecs.registry.formats import FORMATS, Format
from consumer.adapters.codecs.registry.framing import (
    KEY_HEADER,
    NUMBER_BYTES,
    VALUE_HEADER,
    SchemaId,
)
from consumer.adapters.codecs.registry.late_schemas import LateSchemas
from consumer.adapters.codecs.registry.registered import Registered, Unreadable, Unregistered
from consumer.errors import Transient
from consumer.model.record import Record


class Schemas(Protocol):
    """Where schemas are kept."""

    def schema(self, schema_id: SchemaId) -> Registered:
        """The schema; raises `Unregistered`, and `Transient` where the registry cannot be asked."""


class Bodies:
    """Decodes keys and values. A schema is asked for once, and its reader made once."""

    def __init__(self, schemas: Schemas, reader_schemas: Sequence[Schema] = ()) -> None:
        self._schemas = schemas
        avro_reader = partial(avro.reader, reader_schemas=reader_schemas)
        self._formats: Mapping[str, Format] = {**FORMATS, "AVRO": avro_reader}
        self._late = LateSchemas()
        self._reads: dict[SchemaId, Read] = {}
        #: The same by the bytes that name a number.
        self._by_prefix: dict[bytes, Read] = {}

    def value(self, record: Record) -> Body:
        """The record's value; raises `Undecodable`, and `Transient` where the registry cannot be asked."""
        value = record.value
        if value is None:
            raise refused(record, "it has no value")
        # The hot path: a schema that is known, and no header that might name another.
        read = None if record.headers else self._by_prefix.get(value[:NUMBER_BYTES])
        if read is not None:
            return read(record, value, NUMBER_BYTES)
        return self._body(record, value, VALUE_HEADER)

    def key(self, record: Record) -> Body:
        """The record's key, as `value`."""
        if record.key is None:
            raise refused(record, "it has no key")
        return self._body(record, record.key, KEY_HEADER)

    @staticmethod
    def is_framed(data: bytes) -> bool:
        """Whether the bytes may begin with a schema's id."""
        return framing.is_framed(data)

    def _body(self, record: Record, data: bytes, header: str) -> Body:
        schema_id, data, start = framing.frame(record, data, header)
        read = self._reads.get(schema_id) or self._reader(record, schema_id)
        return read(record, data, start)

    def _reader(self, record: Record, schema_id: SchemaId) -> Read:
        try:
            schema = self._schemas.schema(schema_id)
        except Unregistered as cause:
            if self._late.may_come(record, schema_id):
                raise Transient(f"{cause}. Its record is new, so it is asked for again") from cause
            raise refused(record, str(cause)) from cause
        read = self._reads[schema_id] = self._made(schema)
        if isinstance(schema_id, int):
            self._by_prefix[framing.prefix(schema_id)] = read
        return read

    def _made(self, schema: Registered) -> Read:
        """Also of a schema that nobody can read, which is found out once: a compiler takes its time."""
        make = self._formats.get(schema.type)
        if make is None:
            known = ", ".join(sorted(self._formats))
            return _refusing(f"{schema.title} is {schema.type}, and we read {known}")
        try:
            return make(schema)
        except Unreadable as cause:
            return _refusing(f"{schema.title} cannot be read: {cause}")


def _refusing(why: str) -> Read:
    def read_nothing(record: Record, _: bytes, __: int) -> Body:
        raise refused(record, why)

    return read_nothing
