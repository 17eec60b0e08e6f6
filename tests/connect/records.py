"""Records that Debezium 3.6 wrote of a PostgreSQL 18, byte for byte; Connect's schemas are kept once each.

Their forms: `schema` and `plain` are JSON with schema and without (there with `time.precision.mode: isostring`
and `decimal.handling.mode: string`), `avro` is Avro by a registry, `outbox` what the event router made.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from consumer.adapters.codecs.registry.bodies import Bodies
from consumer.adapters.codecs.registry.framing import SchemaId
from consumer.adapters.codecs.registry.registered import Registered
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record


class Recorded:
    """The registry at the time."""

    def schema(self, schema_id: SchemaId) -> Registered:
        """The Avro schema of that number."""
        return Registered(f"schema {schema_id}", "AVRO", _file()["avro"][str(schema_id)])


def bodies() -> Bodies:
    """Reads what is framed."""
    return Bodies(Recorded())


def records(form: str, table: str) -> Sequence[Record]:
    """What was written of the table, in order."""
    return [
        Record(
            Partition(each["topic"], 0),
            IntOffset(each["offset"]),
            _bytes(each["key"]),
            _bytes(each["value"]),
            [(name, value.encode()) for name, value in each["headers"]],
        )
        for each in _file()["records"]
        if (each["form"], each["table"]) == (form, table)
    ]


def _bytes(kept: dict[str, str] | None) -> bytes | None:
    if kept is None:
        return None
    if "schema" in kept:
        schema = _file()["schemas"][kept["schema"]]
        return f'{{"schema":{schema},"payload":{kept["payload"]}}}'.encode()
    return kept["text"].encode() if "text" in kept else b64decode(kept["base64"])


@cache
def _file() -> Any:
    return json.loads((Path(__file__).parent / "records/postgresql.json").read_text())
