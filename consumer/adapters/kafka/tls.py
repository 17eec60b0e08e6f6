"""What keeps TLS from working with a broker: librdkafka has one text for all of it, or none."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

#: Seconds for each connection of a look. It comes after seconds of trying, on the worker's one thread.
_TIMEOUT = 1.0

#: ApiVersions, version 0, correlation id 1, without a client id: any broker answers it before it asks who we are.
_API_VERSIONS = bytes.fromhex("0000000a0012000000000001ffff")
_CORRELATION = slice(4, 8)
_OUR_CORRELATION = bytes.fromhex("00000001")

#: [security://]host[:port], where IPv6 is in brackets unless it stands alone.
_ADDRESS = re.compile(
    r"(?:\w+://)?(?:(?:\[(?P<bracketed>[^\[\]]+)\]|(?P<name>[^:/\[\]]+))(?::(?P<port>\d{1,5}))?"
    r"|(?P<alone>[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F:.]*))",
    re.ASCII,
)
_DEFAULT_PORT, _LAST_PORT = 9092, 65_535

#: OpenSSL's numbers.
_EXPIRED = 10
_NOT_YET_VALID = 9
_OTHER_NAME = frozenset({62, 64})


def obstacle(address: str, properties: Mapping[str, Any]) -> str | None:
    """What is in the way of TLS between us and the broker at `address`, for a person to mend; None if
    nothing is, or if nobody answers there.

    Nothing secret is sent, and our own certificate is not shown.
    """
    place = _place(address)
    if place is None:
        return None
    if str(properties.get("security.protocol", "plaintext")).lower().endswith("ssl"):
        return _certificate_trouble(place, address, properties) or (
            f"{address} speaks plaintext, and security.protocol says TLS"
            if _is_plain(place)
            else None
        )
    if not _is_plain(place) and _is_tls(place):
        return (
            f"{address} speaks TLS, and security.protocol says plaintext: make it SSL or SASL_SSL"
        )
    return None


def _place(address: str) -> tuple[str, int] | None:
    """As librdkafka reads it; None if it is no address."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return None
    port = int(found["port"] or _DEFAULT_PORT)
    return (
        (found["bracketed"] or found["name"] or found["alone"], port)
        if port <= _LAST_PORT
        else None
    )


def _certificate_trouble(
    place: tuple[str, int], address: str, properties: Mapping[str, Any]
) -> str | None:
    try:
        _shake_hands(place, _trusting(properties))
    except ssl.SSLCertVerificationError as cause:
        return f"the certificate of {address} is refused, {_why(cause, place[0])}"
    except OSError:
        return None
    return None


def _why(cause: ssl.SSLCertVerificationError, host: str) -> str:
    if cause.verify_code == _EXPIRED:
        return "for it has expired: the broker needs a new one"
    if cause.verify_code == _NOT_YET_VALID:
        return "for it is not valid yet: look at the clocks"
    if cause.verify_code in _OTHER_NAME:
        return f"for it does not name {host}: use a name that it has, or give the broker another"
    said = cause.verify_message
    return (
        f"for nobody we trust signed it ({said}): ssl.ca.location must hold the broker's authority"
    )


def _trusting(properties: Mapping[str, Any]) -> ssl.SSLContext:
    """A context that trusts whom librdkafka is told to trust."""
    if pem := properties.get("ssl.ca.pem"):
        return ssl.create_default_context(cadata=pem)
    place = properties.get("ssl.ca.location", "probe")
    if place == "probe":  # librdkafka's word for the system's own
        return ssl.create_default_context()
    is_folder = Path(place).is_dir()
    return ssl.create_default_context(**{"capath" if is_folder else "cafile": place})


def _is_tls(place: tuple[str, int]) -> bool:
    try:
        _shake_hands(place, ssl.create_default_context())
    except ssl.SSLCertVerificationError:
        return (
            True  # it showed a certificate, and whether it is a good one is not the question here
        )
    except OSError:
        return False
    return True


def _is_plain(place: tuple[str, int]) -> bool:
    try:
        with closing(socket.create_connection(place, _TIMEOUT)) as connection:
            connection.sendall(_API_VERSIONS)
            return connection.recv(1024)[_CORRELATION] == _OUR_CORRELATION
    except OSError:
        return False


def _shake_hands(place: tuple[str, int], context: ssl.SSLContext) -> None:
    with (
        closing(socket.create_connection(place, _TIMEOUT)) as connection,
        closing(context.wrap_socket(connection, server_hostname=place[0])),
    ):
        pass
