"""Values on their way to PostgreSQL and back, where psycopg's own ways are not ours."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Dumper, Loader, PyFormat
from psycopg.pq import Format

#: From this instant PostgreSQL counts microseconds.
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Values:
    """A column's values as one parameter: an array of the type `oid`, in PostgreSQL's binary format."""

    __slots__ = ("data", "oid")

    def __init__(self, oid: int, data: Buffer) -> None:
        self.oid = oid
        self.data = data


class _ValuesDumper(Dumper):
    format = Format.BINARY

    def get_key(self, obj: Values, format: PyFormat) -> Any:
        return (Values, obj.oid)

    def upgrade(self, obj: Values, format: PyFormat) -> Dumper:
        dumper = _ValuesDumper(Values)
        dumper.oid = obj.oid
        return dumper

    def dump(self, obj: Values) -> Buffer:
        return obj.data


class _JsonDumper(Dumper):
    """JSON is text to us, so nothing is to be made of it."""

    oid = psycopg.adapters.types["jsonb"].oid

    def dump(self, obj: str) -> Buffer:
        return obj.encode()


class _JsonBinaryDumper(_JsonDumper):
    format = Format.BINARY

    def dump(self, obj: str) -> Buffer:
        return b"\x01" + obj.encode()  # the format's version


class _BytesDumper(Dumper):
    """Of psycopg's, what it writes without a connection doubles each apostrophe."""

    oid = psycopg.adapters.types["bytea"].oid

    def dump(self, obj: bytes) -> Buffer:
        return b"\\x" + obj.hex().encode()


class _JsonLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        return str(data[1:], "utf-8")


class _TimestampLoader(Loader):
    """In UTC, whatever zone the session is in."""

    format = Format.BINARY

    def load(self, data: Buffer) -> datetime:
        (microseconds,) = struct.unpack("!q", data)
        return _EPOCH + timedelta(microseconds=microseconds)


def _adapters() -> AdaptersMap:
    adapters = AdaptersMap(psycopg.adapters)
    adapters.register_dumper(Values, _ValuesDumper)
    for dumper in (_JsonDumper, _JsonBinaryDumper, _BytesDumper):
        adapters.register_dumper(None, dumper)
    adapters.register_loader("jsonb", _JsonLoader)
    adapters.register_loader("timestamptz", _TimestampLoader)
    return adapters


#: Ours, beside psycopg's.
ADAPTERS = _adapters()


class RowCursor(psycopg.Cursor[tuple[Any, ...]]):
    """A cursor for rows of tables as we give and take them. What users get is psycopg's own."""

    @property
    def adapters(self) -> AdaptersMap:
        """Ours, for all cursors, so that none has to be told."""
        return ADAPTERS
