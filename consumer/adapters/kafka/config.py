"""Which librdkafka properties we set, which we own, and which we refuse."""

from __future__ import annotations

import os
import re
import socket
import uuid
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, TypeAlias

from confluent_kafka import Consumer, Producer

from consumer.adapters.kafka.trial import complaints
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
    "default.topic.config": "set its properties directly",
    "delivery.report.only.error": "we ask for what was not delivered only",
}

#: Refused: they run what is not ours.
_REFUSED: Mapping[str, str] = {
    "plugin.library.paths": "it loads code into the process",
    "ssl.engine.location": "it loads code into the process",
    "ssl.providers": "it loads code into the process",
    "sasl.kerberos.kinit.cmd": "it is run by a shell",
}
#: All that may be said of these, for there are many ways to say no.
_TLS_ON = {
    "ssl.endpoint.identification.algorithm": ("https",),
    "enable.ssl.certificate.verification": ("true", "t", "1"),
}
#: The new protocol (KIP-848) leaves these to the broker, and the client refuses to start with them.
_CLASSIC_ONLY = ("session.timeout.ms", "heartbeat.interval.ms", "group.protocol.type")

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")

_FETCH_BYTES = 1_048_576
#: What a user may change, with `_FETCH_BYTES` beside them. The prefetch is bounded for all partitions together, and a fetch in flight
#: is bounded too, so that a worker stays small however long the backlog; the limits need the short
#: back-off, for with the default of 1,000 ms they cost up to 60 times the speed.
_CONSUMER_DEFAULTS: Config = {
    "queued.max.messages.kbytes": 16_384,
    "queued.min.messages": 20_000,
    "fetch.queue.backoff.ms": 10,
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
    return _consumer(config, group)


def producer_config(config: Config) -> dict[str, Any]:
    """The properties of a publisher; `Misconfigured` tells all that is wrong with `config`."""
    _refuse(problems(config))
    return _producer(config)


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
    """All that is wrong with a user's properties, a line each, without their values; needs no network.

    They are one set for readers and publishers, so they must do for both.
    """
    wrong = {name: f"it is ours, {OWNED[name]}" for name in config if name in OWNED}
    if not config.get("bootstrap.servers"):
        wrong["bootstrap.servers"] = "missing; which brokers should be asked first?"
    wrong |= {name: f"refused, {_REFUSED[name]}" for name in config if name in _REFUSED}
    wrong |= {
        name: "refused, TLS without it does not tell who the broker is"
        for name, on in _TLS_ON.items()
        if name in config and _text(config[name]).strip().lower() not in on
    }
    if _is_new_protocol(config):
        wrong |= {
            name: "with group.protocol: consumer the broker decides it; remove it here"
            for name in _CLASSIC_ONLY
            if name in config
        }
    rest = {n: v for n, v in config.items() if n not in wrong and n != "bootstrap.servers"}
    told = [f"{name}: {text}" for name, text in wrong.items()]
    return told + complaints(
        rest, {Consumer: partial(_consumer, group="check"), Producer: _producer}
    )


def _consumer(config: Config, group: str) -> dict[str, Any]:
    defaults = {**_CONSUMER_DEFAULTS, "fetch.max.bytes": _fetched_at_once(config)}
    protocol: Config = (
        {} if _is_new_protocol(config) else {"partition.assignment.strategy": "cooperative-sticky"}
    )
    identity: Config = {"group.id": group, "client.id": _client_id(config, group)}
    return _plain({**defaults, **config, **protocol, **_CONSUMER_OWN, **identity})


def _producer(config: Config) -> dict[str, Any]:
    ours: Config = {**_PRODUCER_OWN, "client.id": _client_id(config, "publisher")}
    return _plain({**_PRODUCER_DEFAULTS, **config, **ours})


def _fetched_at_once(config: Config) -> int:
    """`fetch.max.bytes`: the client wants no less than the largest record that it is told of."""
    largest = _text(config.get("message.max.bytes", 0)).strip()
    return max(_FETCH_BYTES, int(largest) if largest.isdecimal() else 0)


def _is_new_protocol(config: Config) -> bool:
    return str(config.get("group.protocol", "classic")).strip().lower() == "consumer"


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
