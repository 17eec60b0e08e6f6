"""Why a schema registry cannot be asked, and what to do about it, in one line."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from confluent_kafka.schema_registry import SchemaRegistryError

from consumer.errors import Misconfigured

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY = 401, 403, 404, 429


def why(name: str, cause: Exception) -> str:
    """What happened, without any word that the registry, or a secret of ours, may be quoted in."""
    for told in (_told, _unreached):
        for each in _chain(cause):
            if line := told(name, each):
                return line
    said = type(cause).__name__
    return f"{name} gave no answer of one ({said}): is it one, and is it well?"


def _told(name: str, cause: BaseException) -> str | None:
    if isinstance(cause, Misconfigured):
        return f"{name} cannot be asked: {cause}"
    if isinstance(cause, SchemaRegistryError):
        return _answered(name, cause.http_status_code)
    if isinstance(cause, ssl.SSLError):
        return _untrusted(name, cause)
    if isinstance(cause, TimeoutError):
        return f"{name} gave no answer in time: look at the registry, and at what lies between"
    return None


def _unreached(name: str, cause: BaseException) -> str | None:
    if isinstance(cause, OSError) and cause.strerror:
        return f"{name} cannot be reached ({cause.strerror}): is it up, and the url right?"
    return None


def _untrusted(name: str, cause: ssl.SSLError) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {name} is refused ({cause.verify_message}): ca_file must hold the "
            "authority that signed it, and the certificate must name that host"
        )
    said = (cause.reason or type(cause).__name__).lower().replace("_", " ")
    return (
        f"TLS with {name} fails ({said}): does the registry speak it, and are ca_file, certificate_file "
        "and key_file what it wants?"
    )


def _answered(name: str, status: int) -> str:
    if status == _UNAUTHORIZED:
        return f"{name} does not take our credentials (HTTP 401): mend the password, or the token"
    if status == _FORBIDDEN:
        return f"{name} forbids us to read schemas (HTTP 403): let this user do it"
    if status == _NOT_FOUND:
        return (
            f"{name} answers, and not as one does (HTTP 404): is the url right, its path "
            "included, and does the registry know GUIDs if events name one?"
        )
    if status == _TOO_MANY:
        return (
            f"{name} is asked too often (HTTP 429): raise its limit, or start fewer workers at once"
        )
    return f"{name} answers HTTP {status}: look at the registry"


def _chain(cause: BaseException | None) -> Iterator[BaseException]:
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
