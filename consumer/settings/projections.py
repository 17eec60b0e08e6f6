"""What a projection is made of, and how it is run."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from consumer.errors import Misconfigured
from consumer.model.names import validated_name
from consumer.model.start import Start
from consumer.settings.codecs import CodecSettings
from consumer.settings.read_models import ReadModelSettings
from consumer.settings.shape import Shape, import_string

#: As Kafka takes them. A topic of Redis Streams may be called no other: readers take no other.
_TOPIC = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")


def validated_topic(name: str) -> str:
    """The name itself, if a topic may be called so; else `Misconfigured`."""
    if not _TOPIC.fullmatch(name):
        raise Misconfigured(
            f"{name!r} cannot name a topic: use 1 to 249 letters, digits, dots, dashes and underscores"
        )
    return name


def _place(text: str) -> str:
    Start.parse(text)
    return text


def _named(name: str) -> str:
    try:
        return validated_name(name)
    except Misconfigured as cause:
        raise ValueError(str(cause)) from None


def _topic(name: str) -> str:
    try:
        return validated_topic(name)
    except Misconfigured as cause:
        raise ValueError(str(cause)) from None


#: Names an object in a module on the path: `module:name`.
ImportString = Annotated[str, AfterValidator(import_string)]
#: What `validated_name` takes.
ProjectionName = Annotated[str, AfterValidator(_named)]
#: What `validated_topic` takes.
Topic = Annotated[str, AfterValidator(_topic)]


class ReadFrom(Shape):
    """Which events a projection is given."""

    from_: Annotated[str, Field(alias="from")]
    """The name of one of the `sources`."""

    topics: Annotated[list[Topic], Field(min_length=1)]
    """The topics to read; on Redis Streams the names in front of the stream's number."""

    codec: CodecSettings = "cloudevents"
    """The form of the events: `cloudevents`, `envelope`, `{json: ...}`, `schema_registry`, `{schema_registry: ...}`, or an import string of
    your own `Codec`.
    """

    start: Annotated[str, AfterValidator(_place)] = "beginning"
    """Where a projection that never ran begins: `beginning`, `end`, a time with its zone, or `group:NAME`."""

    mirror: bool = True
    """Whether the broker's own consumer group shows the offsets too, for its tools and for autoscalers."""

    group: Annotated[str, Field(min_length=1, max_length=249)] | None = None
    """Kafka only: the consumer group; the projection's name where nothing is said."""

    @model_validator(mode="after")
    def _each_topic_once(self) -> ReadFrom:
        twice = sorted({topic for topic in self.topics if self.topics.count(topic) > 1})
        if twice:
            raise ValueError(f"names {', '.join(twice)} twice in topics")
        return self


class RetrySettings(Shape):
    """How long a batch that failed waits before it is tried again: longer each time, up to the cap."""

    initial: Annotated[float, Field(gt=0, le=3600)] = 0.1
    """Seconds before the second attempt."""

    cap: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Seconds between attempts, at most."""

    @model_validator(mode="after")
    def _rising(self) -> RetrySettings:
        if self.cap < self.initial:
            raise ValueError(f"has a cap of {self.cap:g} s below the initial {self.initial:g} s")
        return self


class SequenceSettings(Shape):
    """The guard by the sequences of aggregates: duplicates are passed over, and what is missing is reported."""

    gaps: Literal["continue", "halt"] = "halt"
    """What becomes of a partition whose next event has others of its aggregate missing before it: it goes on, with a line
    in the log, or it halts.
    """


class ProjectionSettings(Shape):
    """A read model kept up to date: its projector, its events, and how it is run."""

    projector: ImportString
    """A `Projector` or `AsyncProjector`, its class, or a function that makes one: `shop.read_models:orders`."""

    source: ReadFrom
    """Which events it is given."""

    read_model: ReadModelSettings | None = None
    """Where the rows are kept, of a projector that leaves that to us: effectively once. Others write by themselves."""

    sequences: SequenceSettings | None = None
    """Guards the rows by the sequences of aggregates, as in `{gaps: halt}`; needs a `read_model`. Not guarded if nothing is said."""

    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Records that one batch holds, at most; `apply` is given their events, also all those that one record bundles."""

    upcasters: tuple[ImportString, ...] = ()
    """Each an `Upcaster`, or a list of them."""

    on_undecodable: Literal["halt", "skip"] = "halt"
    """What becomes of a partition whose next record cannot be read: it halts, or the record is skipped, with all events that it bundles, and logged."""

    transient: tuple[ImportString, ...] = ()
    """Types of exception that mean, like `Transient`, that the projector's store is out of reach for now."""

    retry: RetrySettings = RetrySettings()
    """How long a batch that failed waits before it is tried again."""

    apply_seconds: Annotated[float, Field(gt=0, le=3600)] = 120.0
    """How long one `apply` may take. Past it the worker's process ends, so that no late write of it meets a successor's.

    On Kafka it may be 80 % of `max.poll.interval.ms` at most (300 s unless `config` says otherwise). The first one includes `setup`.
    """

    lag_seconds: Annotated[float, Field(ge=1, le=3600)] = 10.0
    """How often the lag is measured where `http` serves metrics."""

    drain_seconds: Annotated[float, Field(gt=0, le=3600)] = 25.0
    """How long a worker that is told to stop may take for the batch in hand.

    Kubernetes kills a Pod 30 s after telling it to stop, unless it is told otherwise.
    """

    @model_validator(mode="after")
    def _guards_a_read_model(self) -> ProjectionSettings:
        if self.sequences is not None and self.read_model is None:
            raise ValueError(
                "has sequences and no read_model: they are kept in one transaction with its rows, so name one, or leave them out"
            )
        return self
