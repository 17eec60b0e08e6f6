"""What reads by a schema registry; its libraries are an extra, and imported here alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from consumer.errors import Misconfigured
from consumer.ports.codec import Codec
from consumer.settings.codecs import RegistryPlaces
from consumer.settings.schema_registry import SchemaRegistrySettings
from consumer.settings.shape import text_in
from consumer.settings.sources import SourceSettings

if TYPE_CHECKING:
    from consumer.adapters.codecs.registry.bodies import Bodies
    from consumer.adapters.codecs.registry.client import Registry


def schema_registry(places: RegistryPlaces, source: SourceSettings) -> Codec:
    """The codec; raises `Misconfigured`."""
    registry = registry_of(source)
    if registry is None:
        raise Misconfigured(
            "schema_registry reads by a schema registry, and the source has none: name it there, under "
            "kafka.schema_registry, or name another codec here"
        )
    with _installed():
        from consumer.adapters.codecs.registry.avro_schemas import reader_schema
        from consumer.adapters.codecs.registry.bodies import Bodies
        from consumer.adapters.codecs.registry.codec import SchemaRegistry

    wanted = [reader_schema(str(path), text_in(path)) for path in places.reader_schemas]
    return SchemaRegistry(Bodies(registry, wanted), **places.model_dump(exclude={"reader_schemas"}))


def bodies_of(source: SourceSettings) -> Bodies | None:
    """What decodes keys and values that name a schema of the source's registry; None where it has none."""
    registry = registry_of(source)
    if registry is None:
        return None
    with _installed():
        from consumer.adapters.codecs.registry.bodies import Bodies

    return Bodies(registry)


def registry_of(source: SourceSettings) -> Registry | None:
    """The registry of a source, not asked yet; None where the source has none. Raises `Misconfigured`."""
    settings = None if source.kafka is None else source.kafka.schema_registry
    return None if settings is None else _registry(settings)


def reach(settings: SchemaRegistrySettings) -> str:
    """That it answers; raises `Misconfigured` and `Transient`."""
    _registry(settings).reach()
    return "it answers"


def _registry(settings: SchemaRegistrySettings) -> Registry:
    with _installed():
        from consumer.adapters.codecs.registry.client import Registry

    return Registry(settings.url, lambda: settings.properties)


@contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except ImportError as cause:
        raise Misconfigured(
            f"{cause.name} is missing, and a schema registry needs it: "
            "pip install 'projection-consumer[schema-registry]'"
        ) from cause
