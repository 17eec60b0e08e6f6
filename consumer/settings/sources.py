"""The brokers that events come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, Secret, model_validator

from consumer.settings.offsets import Prefix, RedisConnection
from consumer.settings.schema_registry import SchemaRegistrySettings
from consumer.settings.shape import SecretFile, Shape, import_string, one_of, secret_in

#: What a librdkafka property may be.
Property = str | int | float | bool


class KafkaSettings(Shape):
    """An Apache Kafka cluster."""

    bootstrap_servers: Annotated[list[str], Field(min_length=1)]
    """Brokers to ask first, as in `[localhost:9092]`."""

    config: dict[str, Secret[Property]] = Field(default_factory=dict)
    """librdkafka's properties, such as `security.protocol` or `sasl.username`, but for those that the worker owns."""

    config_files: dict[str, SecretFile] = Field(default_factory=dict)
    """Properties whose values are secrets, each with the file that holds it: `{sasl.password: /run/secrets/kafka}`."""

    token: Annotated[str, AfterValidator(import_string)] | None = None
    """With `sasl.mechanism: OAUTHBEARER`: a function without arguments that returns a token and when it expires, in
    seconds since 1970. For clouds with tokens of their own; it is asked again before that time.
    """

    schema_registry: SchemaRegistrySettings | None = None
    """Where the schemas of the topics are kept, for the codecs that read by them."""

    @model_validator(mode="after")
    def _each_once(self) -> KafkaSettings:
        twice = sorted(self.config.keys() & self.config_files.keys())
        if twice:
            raise ValueError(f"has {', '.join(twice)} both in config and in config_files")
        return self

    @property
    def properties(self) -> Mapping[str, Property]:
        """All that librdkafka is told, secrets included; files are read anew, so it may raise `Misconfigured`."""
        return {
            "bootstrap.servers": ",".join(self.bootstrap_servers),
            **{name: value.get_secret_value() for name, value in self.config.items()},
            **{name: secret_in(path) for name, path in self.config_files.items()},
        }


class RedisStreamSettings(RedisConnection):
    """Redis Streams. A topic is a number of streams named `TOPIC:0`, `TOPIC:1` and so on."""

    streams: Annotated[int, Field(ge=1, le=1024)]
    """How many streams make up a topic, its partitions. It cannot change while the topic lives."""

    prefix: Prefix = "projections"
    """What the keys of leases start with. Give each environment that shares a Redis its own."""

    lease_seconds: Annotated[float, Field(ge=1, le=300)] = 10.0
    """After how many seconds without a sign of life a worker's partitions go to the others."""


class SourceSettings(Shape):
    """A broker: `kafka` or `redis`."""

    kafka: KafkaSettings | None = None
    """An Apache Kafka cluster."""

    redis: RedisStreamSettings | None = None
    """Redis Streams."""

    @model_validator(mode="after")
    def _one_kind(self) -> SourceSettings:
        one_of(self, "kafka", "redis")
        return self
