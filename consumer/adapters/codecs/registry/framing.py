"""How a record says by which schema it was written: an id before the bytes, or a GUID in a header."""

from __future__ import annotations

from uuid import UUID

from consumer.adapters.codecs.reading import refused
from consumer.model.record import Record

#: A schema's number, or its GUID as text.
SchemaId = int | str

#: The headers in which serializers put the GUID, where they are told to keep it out of the bytes.
KEY_HEADER = "__key_schema_id"
VALUE_HEADER = "__value_schema_id"

#: A magic byte of 0 and the number; of 1 and the GUID.
NUMBER_BYTES, _GUID_BYTES = 5, 17


def is_framed(data: bytes) -> bool:
    """Whether the bytes seem to begin with a schema's number: no JSON, and hardly a text, begins with NUL, and
    no number is 0, as it would be in most of what `LongSerializer` writes.
    """
    return data[:1] == b"\0" and len(data) >= NUMBER_BYTES and any(data[1:NUMBER_BYTES])


def prefix(number: int) -> bytes:
    """The bytes that name the schema of this number."""
    return b"\0" + number.to_bytes(NUMBER_BYTES - 1)


def frame(record: Record, data: bytes, header: str) -> tuple[SchemaId, bytes, int]:
    """The schema's id, and from where on which bytes are the body; `Undecodable` if there is none.

    What stands behind a GUID in a header (Protobuf's message indexes) stands before the body then.
    """
    if record.headers and (told := [value for name, value in record.headers if name == header]):
        if len(told) > 1:
            raise refused(record, f"the header {header} is repeated")
        said = told[0] or b""
        schema_id, end = _split(record, said, f"the header {header}")
        return schema_id, said[end:] + data, 0
    schema_id, end = _split(record, data, "the key" if header == KEY_HEADER else "the value")
    return schema_id, data, end


def _split(record: Record, data: bytes, what: str) -> tuple[SchemaId, int]:
    magic = data[:1]
    if magic == b"\0" and len(data) >= NUMBER_BYTES:
        return int.from_bytes(data[1:NUMBER_BYTES]), NUMBER_BYTES
    if magic == b"\1" and len(data) >= _GUID_BYTES:
        return str(UUID(bytes=data[1:_GUID_BYTES])), _GUID_BYTES
    if magic in (b"\0", b"\1"):
        raise refused(record, f"{what} ends within the id of its schema")
    raise refused(
        record,
        f"{what} does not begin with the id of a schema: what wrote it uses no schema registry, so "
        "name another codec",
    )
