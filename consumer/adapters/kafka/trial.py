"""What the client itself makes of properties, before any broker is asked; told without their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from confluent_kafka import Consumer, KafkaException, Producer

Kind: TypeAlias = type[Consumer] | type[Producer]
Given: TypeAlias = Mapping[str, Any]

#: How librdkafka begins when properties that are right alone do not fit together.
_COMBINED = re.compile(r"Failed to create (consumer|producer): ")
#: A rule among properties, which librdkafka never mixes with values; its other complaints quote them.
_RULE = re.compile("`| must be set")
#: A client asks the issuer for a token as soon as it is made; nobody listens on port 0.
_ISSUER = "sasl.oauthbearer.token.endpoint.url"
_NOWHERE = "http://127.0.0.1:0/"
_RANGE = re.compile(r"outside allowed range (\S+)")


def complaints(given: Given, makers: Mapping[Kind, Callable[[Given], Given]]) -> list[str]:
    """What the clients that `makers` make of a user's properties would complain of, a line each.

    Each property is tried alone too, so that all of them are told, but only if a client complains.
    """
    wholes = {kind: _complaint(kind, make(given)) for kind, make in makers.items()}
    if not any(wholes.values()):
        return []
    alone = {name: _complaint(Consumer, {name: value}) for name, value in given.items()}
    wrong = [
        f"{name}: {_of_one(text)}"
        for name, text in alone.items()
        if text and not _COMBINED.match(text)
    ]
    if wrong:
        return wrong
    told = [
        f"{_involved(given, kind, makers[kind], text)}: {_of_several(text)}"
        for kind, text in wholes.items()
        if text
    ]
    return list(dict.fromkeys(told))


def _complaint(kind: Kind, properties: Given) -> str | None:
    # Without a broker's address nothing is connected to.
    tried = {"group.id": "check", **properties, "log_level": 0}
    if _ISSUER in tried:
        tried[_ISSUER] = _NOWHERE
    try:
        client = kind(tried)
    except KafkaException as cause:
        return str(cause.args[0].str())
    except (TypeError, ValueError) as cause:
        return str(cause)
    if isinstance(client, Consumer):
        client.close()
    return None


def _involved(given: Given, kind: Kind, make: Callable[[Given], Given], text: str) -> str:
    """The properties without which the client would not say so."""
    without = {name: {k: v for k, v in given.items() if k != name} for name in given}
    return ", ".join(n for n, rest in without.items() if _complaint(kind, make(rest)) != text)


def _of_one(text: str) -> str:
    if "No such configuration property" in text:
        return "the client knows no such property"
    if allowed := _RANGE.search(text):
        return f"it takes {allowed[1]}"
    return "the client does not take its value"


def _of_several(text: str) -> str:
    return _COMBINED.sub("", text) if _RULE.search(text) else "the client cannot start with it"
