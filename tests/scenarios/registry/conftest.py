"""Java that writes by a schema registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.jvm import Program
from tests.scenarios.registry.java import SERIALIZERS, Java
from tests.servers import KafkaServer, SchemaRegistry


@pytest.fixture
def java(
    java_program: Callable[..., Program], kafka: KafkaServer, schema_registry: SchemaRegistry
) -> Java:
    """A topic of the test's own: `java.write(...)`, `java.read()`."""
    program = java_program(Path(__file__).with_name("BySchema.java"), *SERIALIZERS)
    return Java(program, kafka, schema_registry)
