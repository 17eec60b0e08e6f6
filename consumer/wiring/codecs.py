"""From the settings of a codec to the codec."""

from __future__ import annotations

from typing import cast

from consumer.adapters.codecs.cloudevents import CloudEvents
from consumer.adapters.codecs.envelope import Envelope
from consumer.adapters.codecs.json import Json
from consumer.ports.codec import Codec
from consumer.settings.codecs import CodecSettings
from consumer.wiring.importing import made


def codec(settings: CodecSettings) -> Codec:
    """The codec; raises `Misconfigured` for an import string, or a place, that does not work."""
    if settings == "cloudevents":
        return CloudEvents()
    if settings == "envelope":
        return Envelope()
    if isinstance(settings, str):
        return cast("Codec", made(settings, having=("decode",)))
    return Json(**settings.json_.model_dump())
