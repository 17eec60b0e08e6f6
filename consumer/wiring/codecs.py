"""From the settings of a codec to the codec."""

from __future__ import annotations

from typing import cast

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.adapters.codecs.envelope import Envelope
from consumer.adapters.codecs.json import Json
from consumer.ports.codec import Codec
from consumer.settings.codecs import CodecSettings, RegistryPlaces
from consumer.settings.sources import SourceSettings
from consumer.wiring.importing import made
from consumer.wiring.schema_registry import schema_registry


def codec(settings: CodecSettings, source: SourceSettings) -> Codec:
    """The codec of a projection that reads from the source.

    Raises `Misconfigured` for an import string, a place or a schema that does not work, and where the source has
    no schema registry that it needs.
    """
    if settings == "cloudevents":
        return CloudEvents()
    if settings == "envelope":
        return Envelope()
    if settings == "schema_registry":
        return schema_registry(RegistryPlaces(), source)
    if isinstance(settings, str):
        return cast("Codec", made(settings, having=("decode",)))
    if settings.schema_registry is not None:
        return schema_registry(settings.schema_registry, source)
    if settings.json_ is not None:
        return Json(**settings.json_.model_dump())
    raise AssertionError("the settings refuse a codec of no kind")
