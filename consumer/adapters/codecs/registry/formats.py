"""The types of schemas that a registry may keep, and what reads each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from consumer.adapters.codecs.registry import avro, json_schema, protobuf
from consumer.adapters.codecs.registry.body import Read
from consumer.adapters.codecs.registry.registered import Registered

#: Makes what reads the values of a schema, once a schema; raises `Unreadable`.
Format = Callable[[Registered], Read]

#: By the registry's word for the type.
FORMATS: Mapping[str, Format] = {
    "AVRO": avro.reader,
    "JSON": json_schema.reader,
    "PROTOBUF": protobuf.reader,
}
