"""From the settings of a codec to the codec."""

from __future__ import annotations

from typing import cast

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.adapters.codecs.connect.debezium import Debezium
from consumer.adapters.codecs.connect.outbox import Outbox
from consumer.adapters.codecs.envelope import Envelope
from consumer.adapters.codecs.json import Json
from consumer.ports.codec import Codec
from consumer.settings.codecs import CodecOfPlaces, CodecSettings, RegistryPlaces
from consumer.settings.sources import SourceSettings
from consumer.wiring.importing import made
from consumer.wiring.schema_registry import bodies_of, schema_registry


def codec(settings: CodecSettings, source: SourceSettings) -> Codec:
    """The codec of a projection that reads from the source.

    Raises `Misconfigured` for an import string, a place or a schema that does not work, and where the source has
    no schema registry that it needs.
    """
    if not isinstance(settings, str):
        return _of_places(settings, source)
    if settings == "schema_registry":
        return schema_registry(RegistryPlaces(), source)
    if settings in {"debezium", "outbox"}:
        make = Debezium if settings == "debezium" else Outbox
        return make(bodies=bodies_of(source))
    if settings in {"cloudevents", "envelope"}:
        return CloudEvents() if settings == "cloudevents" else Envelope()
    return cast("Codec", made(settings, having=("decode",)))


def _of_places(settings: CodecOfPlaces, source: SourceSettings) -> Codec:
    if settings.schema_registry is not None:
        return schema_registry(settings.schema_registry, source)
    if settings.outbox is not None:
        return Outbox(**settings.outbox.model_dump(), bodies=bodies_of(source))
    if settings.json_ is not None:
        return Json(**settings.json_.model_dump())
    raise AssertionError("the settings refuse a codec of no kind")
