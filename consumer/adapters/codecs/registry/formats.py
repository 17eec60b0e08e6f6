"""The types of schemas that a registry may keep, and what reads each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from consumer.adapters.codecs.registry import avro, json_schema
from consumer.adapters.codecs.registry.body import Read
from consumer.adapters.codecs.registry.registered import Registered, Unreadable

#: Makes what reads the values of a schema, once a schema; raises `Unreadable`.
Format = Callable[[Registered], Read]


def _protobuf(schema: Registered) -> Read:
    """Its compiler is as large as all else together, so it comes by an extra of its own."""
    try:
        from consumer.adapters.codecs.registry import protobuf
    except ImportError as cause:
        why = "it is Protobuf, which needs pip install 'projection-consumer[protobuf]'"
        raise Unreadable(why) from cause
    return protobuf.reader(schema)


#: By the registry's word for the type.
FORMATS: Mapping[str, Format] = {
    "AVRO": avro.reader,
    "JSON": json_schema.reader,
    "PROTOBUF": _protobuf,
}
