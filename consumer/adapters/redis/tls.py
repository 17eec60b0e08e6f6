"""What keeps TLS from working with a Redis: redis-py tells much of it as a line that broke."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from consumer.adapters.redis.url import context_of

#: Seconds for each step of a look, which comes only after a client failed.
_TIMEOUT = 1.0

#: Long enough for a server that does not take our certificate to say so.
_ALERT_SECONDS = 0.3

#: OpenSSL's numbers.
_EXPIRED = 10
_NOT_YET_VALID = 9
_OTHER_NAME = frozenset({62, 64})


def refusal(cause: BaseException) -> str | None:
    """What TLS itself says behind an error of redis-py, for a person to mend; None if it says nothing."""
    for met in _chain(cause):
        if isinstance(met, ssl.SSLCertVerificationError):
            return f"the server's certificate is refused, {_why(met)}"
        if isinstance(met, ssl.SSLError) and "ALERT" in (met.reason or ""):
            return _alerted(met)
    return None


def obstacle(connection: Any) -> str | None:
    """What is in the way of TLS between us and the server of `connection`, which redis-py made and that
    need not be connected; None if nothing is, or if nobody answers.

    No user and no password is sent.
    """
    if not hasattr(connection, "host"):
        return None  # a Unix socket
    place = (connection.host, connection.port)
    address = f"{connection.host}:{connection.port}"
    if not hasattr(connection, "certfile"):
        speaks_tls = not _is_plain(place) and _is_tls(place, ssl.create_default_context())
        return f"{address} speaks TLS: write rediss:// in the url" if speaks_tls else None
    try:
        _shake_hands(place, context_of(connection))
    except ssl.SSLError as cause:
        if told := refusal(cause):
            return told
    except OSError:
        pass
    return f"{address} speaks no TLS: write redis:// in the url" if _is_plain(place) else None


def _chain(cause: BaseException) -> Iterator[BaseException]:
    met: BaseException | None = cause
    while met is not None:
        yield met
        met = met.__cause__ or met.__context__


def _why(cause: ssl.SSLCertVerificationError) -> str:
    if cause.verify_code == _EXPIRED:
        return "for it has expired: the server needs a new one"
    if cause.verify_code == _NOT_YET_VALID:
        return "for it is not valid yet: look at the clocks"
    if cause.verify_code in _OTHER_NAME:
        return "for it does not name the host of the url: use a name that it has, or give the server another"
    return f"{cause.verify_message}: ssl_ca_certs in the url must name the file of the authority that signed it"


def _alerted(cause: ssl.SSLError) -> str:
    said = (cause.reason or "").lower().replace("_", " ")
    return (
        f"the server does not take our certificate ({said}): is one named (ssl_certfile, ssl_keyfile), is it "
        "in force, and does the server know who signed it?"
    )


def _is_plain(place: tuple[str, int]) -> bool:
    try:
        with closing(socket.create_connection(place, _TIMEOUT)) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(1024)[:1] in (b"+", b"-")  # PONG, or that we must say who we are
    except OSError:
        return False


def _is_tls(place: tuple[str, int], context: ssl.SSLContext) -> bool:
    try:
        _shake_hands(place, context)
    except ssl.SSLError as cause:
        return refusal(cause) is not None
    except OSError:
        return False
    return True


def _shake_hands(place: tuple[str, int], context: ssl.SSLContext) -> None:
    with (
        closing(socket.create_connection(place, _TIMEOUT)) as plain,
        closing(context.wrap_socket(plain, server_hostname=place[0])) as connection,
    ):
        connection.settimeout(_ALERT_SECONDS)
        try:
            connection.recv(1)  # a server that is content waits for us to speak
        except TimeoutError:
            return
