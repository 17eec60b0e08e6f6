"""From what a page says of a `codec:` to the codec."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from consumer.ports.codec import Codec
from consumer.settings.codecs import CodecSettings
from consumer.settings.sources import SourceSettings
from consumer.wiring.codecs import codec


def codec_of(settings: Any) -> Codec:
    """As a projection has it whose source is a Kafka without a schema registry."""
    kafka = SourceSettings.model_validate({"kafka": {"bootstrap_servers": ["localhost:9092"]}})
    return codec(TypeAdapter(CodecSettings).validate_python(settings), kafka)
