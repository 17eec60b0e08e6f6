"""Which librdkafka properties we set, which we own, and which we refuse."""

from __future__ import annotations

import os
import re
import socket
import uuid
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, TypeAlias

from confluent_kafka import Consumer, Producer

from consumer.adapters.kafka.token import Refreshing, TokenFunction
from consumer.adapters.kafka.trial import complaints
from consumer.errors import Misconfigured

Value: TypeAlias = str | int | float | bool
#: What a user gives; the function of their tokens stands under `oauth_cb`.
Properties: TypeAlias = Mapping[str, Value | TokenFunction]
#: The properties, or what reads them anew: a secret may rotate, so that is done at each opening.
Config: TypeAlias = Properties | Callable[[], Properties]

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
    "allow.auto.create.topics": "a question must not make a topic; make them yourself",
    "partitioner": "it is murmur2_random, the one that Java's producers use",
    "enable.idempotence": "publishing is always idempotent",
    "transactional.id": "we publish without transactions",
    "log.queue": "the client's log goes to Python's logging",
    "consume.callback.max.messages": "a poll takes `batch_size` records",
    "default.topic.config": "set its properties directly",
    "delivery.report.only.error": "we ask for what was not delivered only",
    "oauth_cb": "set `token` beside `config` instead",
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

#: confluent-kafka's name for what gives it tokens.
_TOKEN = "oauth_cb"  # noqa: S105  a name, not a token

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")

_FETCH_BYTES = 1_048_576
#: librdkafka's producers, and clients that ask, would have the broker make what they ask for, of one partition.
_MAKES_NO_TOPIC: Properties = {"allow.auto.create.topics": False}
#: What a user may change, with `_FETCH_BYTES` beside them. The prefetch is bounded for all partitions together, and a fetch in flight
#: is bounded too, so that a worker stays small however long the backlog; the limits need the short
#: back-off, for with the default of 1,000 ms they cost up to 60 times the speed.
_CONSUMER_DEFAULTS: Properties = {
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
_CONSUMER_OWN: Properties = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    **_MAKES_NO_TOPIC,
}
_PRODUCER_DEFAULTS: Properties = {
    "compression.type": "lz4",
    "linger.ms": 20,
    "queue.buffering.max.kbytes": 65_536,
    "message.timeout.ms": 60_000,
}
_PRODUCER_OWN: Properties = {
    "enable.idempotence": True,
    "partitioner": "murmur2_random",
    **_MAKES_NO_TOPIC,
}


def consumer_config(config: Config, *, group: str) -> dict[str, Any]:
    """The properties of a member of `group`; `Misconfigured` tells all that is wrong with `config`."""
    given = _read(config)
    _refuse(_wrong(given) + ([] if group else ["the group has no name"]))
    return _with_token(_consumer(given, group), given)


def producer_config(config: Config) -> dict[str, Any]:
    """The properties of a publisher, as `consumer_config`."""
    given = _read(config)
    _refuse(_wrong(given))
    return _with_token(_producer(given), given)


def admin_config(config: Config) -> dict[str, Any]:
    """The properties of a client that only asks, as `consumer_config`."""
    given = _read(config)
    _refuse(_wrong(given))
    ours: Properties = {**_MAKES_NO_TOPIC, "client.id": _client_id(given, "admin")}
    return _with_token(_plain({**given, **ours}), given)


def validated(config: Config) -> Config:
    """The properties as they are, once it is sure that clients can be made of them; else `Misconfigured`.

    Needs no network, and asks for no token.
    """
    _refuse(problems(config))
    return config


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
    return _wrong(_read(config))


def _read(config: Config) -> Properties:
    return config() if callable(config) else config


def _wrong(config: Properties) -> list[str]:
    wrong = {
        name: f"it is ours, {OWNED[name]}"
        for name, value in config.items()
        if name in OWNED and not isinstance(value, TokenFunction)
    }
    if trouble := _token_trouble(config):
        wrong["token"] = trouble
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
    apart = {*wrong, "bootstrap.servers", _TOKEN}
    rest = {name: value for name, value in config.items() if name not in apart}
    told = [f"{name}: {text}" for name, text in wrong.items()]
    return told + complaints(
        rest, {Consumer: partial(_consumer, group="check"), Producer: _producer}
    )


def _token_trouble(config: Properties) -> str | None:
    is_oauth = _said(config, "sasl.mechanism", "sasl.mechanisms") == "oauthbearer"
    has_function = isinstance(config.get(_TOKEN), TokenFunction)
    is_oidc = _said(config, "sasl.oauthbearer.method") == "oidc"
    if has_function and not is_oauth:
        return "it is for sasl.mechanism: OAUTHBEARER alone"
    if has_function and is_oidc:
        return "tokens come from it, or with sasl.oauthbearer.method: oidc, not both"
    if is_oauth and not (has_function or is_oidc):
        return "missing; OAUTHBEARER needs it, or sasl.oauthbearer.method: oidc"
    return None


def _said(config: Properties, *names: str) -> str:
    """The value of the property, which has several names; lower case."""
    return next((str(config[name]).strip().lower() for name in names if name in config), "")


def _with_token(made: dict[str, Any], given: Properties) -> dict[str, Any]:
    function = given.get(_TOKEN)
    return {**made, _TOKEN: Refreshing(function)} if isinstance(function, TokenFunction) else made


def _consumer(config: Properties, group: str) -> dict[str, Any]:
    defaults = {**_CONSUMER_DEFAULTS, "fetch.max.bytes": _fetched_at_once(config)}
    protocol: Properties = (
        {} if _is_new_protocol(config) else {"partition.assignment.strategy": "cooperative-sticky"}
    )
    identity: Properties = {"group.id": group, "client.id": _client_id(config, group)}
    return _plain({**defaults, **config, **protocol, **_CONSUMER_OWN, **identity})


def _producer(config: Properties) -> dict[str, Any]:
    ours: Properties = {**_PRODUCER_OWN, "client.id": _client_id(config, "publisher")}
    return _plain({**_PRODUCER_DEFAULTS, **config, **ours})


def _fetched_at_once(config: Properties) -> int:
    """`fetch.max.bytes`: the client wants no less than the largest record that it is told of."""
    largest = _text(config.get("message.max.bytes", 0)).strip()
    return max(_FETCH_BYTES, int(largest) if largest.isdecimal() else 0)


def _is_new_protocol(config: Properties) -> bool:
    return _said(config, "group.protocol") == "consumer"


def _client_id(config: Properties, role: str) -> str:
    """Unique to the client, for two members of one id disturb each other (confluent-kafka #4783)."""
    prefix = config.get("client.id", role)
    return f"{prefix}-{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def _plain(properties: Properties) -> dict[str, Any]:
    return {name: _text(value) for name, value in properties.items() if name != _TOKEN}


def _text(value: Value | TokenFunction) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refuse(wrong: list[str]) -> None:
    if wrong:
        raise Misconfigured("the Kafka settings cannot work:\n  " + "\n  ".join(wrong))
