"""Which librdkafka properties we set, which we own, and which we refuse."""

from __future__ import annotations

import os
import re
import socket
import uuid
from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

from consumer.errors import Misconfigured

Value: TypeAlias = str | int | float | bool
Config: TypeAlias = Mapping[str, Value]

#: Owned: the guarantees stand on these. Each with what to do instead.
OWNED: Mapping[str, str] = {
    "group.id": "set the projection's `group` instead",
    "enable.auto.commit": "offsets are committed to the offset store",
    "auto.commit.enable": "offsets are committed to the offset store",
    "auto.commit.interval.ms": "offsets are committed to the offset store",
    "enable.auto.offset.store": "offsets are committed to the offset store",
    "offset.store.method": "offsets are committed to the offset store",
    "auto.offset.reset": "set the projection's `start` instead; a lost offset halts the partition",
    "enable.partition.eof": "it tells us how far a log goes behind its last record",
    "partition.assignment.strategy": "it is cooperative-sticky; or set group.protocol: consumer",
    "allow.auto.create.topics": "a reader must not make topics; make them yourself",
    "partitioner": "it is murmur2_random, the one that Java's producers use",
    "enable.idempotence": "publishing is always idempotent",
    "transactional.id": "we publish without transactions",
    "log.queue": "the client's log goes to Python's logging",
    "consume.callback.max.messages": "a poll takes `batch_size` records",
    "delivery.report.only.error": "we ask for what was not delivered only",
}

#: Refused: they load code from a path, or open the door that TLS closes.
_REFUSED: Mapping[str, str] = {
    "plugin.library.paths": "it loads code into the process",
    "ssl.engine.location": "it loads code into the process",
}
_TLS_OFF = {
    "ssl.endpoint.identification.algorithm": ("none", ""),
    "enable.ssl.certificate.verification": ("false", "0", "no", "off"),
}
#: The new protocol (KIP-848) leaves these to the broker, and the client refuses to start with them.
_CLASSIC_ONLY = ("session.timeout.ms", "heartbeat.interval.ms", "group.protocol.type")

#: How librdkafka begins when properties that are right alone do not fit together.
_COMBINED = "Failed to create consumer"
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")

#: What a user may change. The prefetch is bounded for all partitions together, and a fetch in flight
#: is bounded too, so that a worker stays small however long the backlog; the limits need the short
#: back-off, for with the default of 1,000 ms they cost up to 60 times the speed.
_CONSUMER_DEFAULTS: Config = {
    "queued.max.messages.kbytes": 16_384,
    "queued.min.messages": 20_000,
    "fetch.queue.backoff.ms": 10,
    "fetch.max.bytes": 1_048_576,
    # A partition that is resumed waits for the fetch under way, which waits so long for others' records.
    "fetch.wait.max.ms": 100,
    # How long after an outage the client may still wait before it connects again.
    "reconnect.backoff.max.ms": 2_000,
    # New partitions of a topic are found within this time.
    "topic.metadata.refresh.interval.ms": 30_000,
}
_CONSUMER_OWN: Config = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    "allow.auto.create.topics": False,
}
_PRODUCER_DEFAULTS: Config = {
    "compression.type": "lz4",
    "linger.ms": 20,
    "queue.buffering.max.kbytes": 65_536,
    "message.timeout.ms": 60_000,
}
_PRODUCER_OWN: Config = {
    "enable.idempotence": True,
    "partitioner": "murmur2_random",
}


def consumer_config(config: Config, *, group: str) -> dict[str, Any]:
    """The properties of a member of `group`; `Misconfigured` tells all that is wrong with `config`."""
    _refuse(problems(config) + ([] if group else ["the group has no name"]))
    protocol: Config = (
        {} if _is_new_protocol(config) else {"partition.assignment.strategy": "cooperative-sticky"}
    )
    identity: Config = {"group.id": group, "client.id": _client_id(config, group)}
    return _plain({**_CONSUMER_DEFAULTS, **config, **protocol, **_CONSUMER_OWN, **identity})


def producer_config(config: Config) -> dict[str, Any]:
    """The properties of a publisher; `Misconfigured` tells all that is wrong with `config`."""
    _refuse(problems(config))
    ours: Config = {**_PRODUCER_OWN, "client.id": _client_id(config, "publisher")}
    return _plain({**_PRODUCER_DEFAULTS, **config, **ours})


def admin_config(config: Config) -> dict[str, Any]:
    """The properties of a client that only asks; `Misconfigured` tells all that is wrong with `config`."""
    _refuse(problems(config))
    return _plain({**config, "client.id": _client_id(config, "admin")})


def validated_topics(topics: Collection[str]) -> list[str]:
    """The topics, sorted, if each has a name that Kafka takes and no pattern; else `Misconfigured`."""
    wrong = [topic for topic in topics if not _TOPIC.fullmatch(topic)]
    _refuse([f"{topic!r} is not the name of a topic" for topic in wrong])
    if not topics:
        raise Misconfigured("no topic is named")
    return sorted(set(topics))


def problems(config: Config) -> list[str]:
    """All that is wrong with a user's properties, a line each, without their values; needs no network."""
    named = [f"{name}: it is ours, {OWNED[name]}" for name in config if name in OWNED]
    if not config.get("bootstrap.servers"):
        named.append("bootstrap.servers: missing; which brokers should be asked first?")
    named += [f"{name}: refused, {_REFUSED[name]}" for name in config if name in _REFUSED]
    named += [
        f"{name}: refused, TLS without it does not tell who the broker is"
        for name, off in _TLS_OFF.items()
        if name in config and _text(config[name]).lower() in off
    ]
    if _is_new_protocol(config):
        named += [
            f"{name}: with group.protocol: consumer the broker decides it; remove it here"
            for name in _CLASSIC_ONLY
            if name in config
        ]
    return named + _unknown_to_the_client(config)


def _unknown_to_the_client(config: Config) -> list[str]:
    """What librdkafka itself says of each property; each is tried alone only if all together fail."""
    theirs = {
        name: value
        for name, value in config.items()
        if name not in OWNED and name not in _REFUSED and name != "bootstrap.servers"
    }
    whole = _complaint(theirs)
    if whole is None:
        return []
    alone = [(name, _complaint({name: value})) for name, value in theirs.items()]
    wrong = [f"{name}: {text}" for name, text in alone if text and _COMBINED not in text]
    return wrong or [whole]


def _complaint(properties: Config) -> str | None:
    from confluent_kafka import Consumer, KafkaException

    if _is_new_protocol(properties):
        properties = {k: v for k, v in properties.items() if k not in _CLASSIC_ONLY}
    try:
        Consumer({**_plain(properties), "group.id": "check", "log_level": 0}).close()
    except KafkaException as cause:
        return str(cause.args[0].str())
    except (TypeError, ValueError) as cause:
        return str(cause)
    return None


def _is_new_protocol(config: Config) -> bool:
    return str(config.get("group.protocol", "classic")).lower() == "consumer"


def _client_id(config: Config, role: str) -> str:
    """Unique to the client, for two members of one id disturb each other (confluent-kafka #4783)."""
    prefix = config.get("client.id", role)
    return f"{prefix}-{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def _plain(properties: Config) -> dict[str, Any]:
    return {name: _text(value) for name, value in properties.items()}


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refuse(wrong: list[str]) -> None:
    if wrong:
        raise Misconfigured("the Kafka settings cannot work:\n  " + "\n  ".join(wrong))
