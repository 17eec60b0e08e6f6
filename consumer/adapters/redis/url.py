"""What the url of a Redis says, or why it cannot work; it is never quoted, since it may hold a password."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from redis import SSLConnection
from redis.connection import Connection, parse_url
from redis.exceptions import RedisError

from consumer.errors import Misconfigured

_TIMEOUTS = {"socket_timeout", "socket_connect_timeout"}

#: Each names a file, or a folder.
_FILES = {"ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile"}

#: What may stand in the query. Retries and the number of connections are ours, as are the replies' form.
_OPTIONS = (
    {"client_name", "db", "health_check_interval", "password", "socket_keepalive", "username"}
    | {"ssl_ca_data", "ssl_ciphers", "ssl_include_verify_flags", "ssl_min_version", "ssl_password"}
    | _TIMEOUTS
    | _FILES
)

#: All that may be said of these is that they stay as they are.
_TLS_ON = {"ssl_cert_reqs", "ssl_check_hostname", "ssl_exclude_verify_flags"}

_UNREADABLE = (
    "the Redis url cannot be read: write redis://[user:password@]host[:port][/database], with "
    "rediss:// for TLS or unix:///path, and %XX for : / ? # [ ] @ in a user or password"
)


def understood(url: str, *, default_port: int) -> tuple[list[tuple[str, int]], dict[str, Any]]:
    """The hosts that a url names, and the options of a connection to the first, proven to make one.

    Raises `Misconfigured`; a file that is named and not there is no outage to be waited out.
    """
    try:
        parts = urlsplit(url)
        userinfo, at, names = parts.netloc.rpartition("@")
        # A comma separates hosts; redis-py knows one.
        hosts = [urlsplit(f"//{name}") for name in names.split(",")]
        addresses = [(host.hostname or "localhost", host.port or default_port) for host in hosts]
        if len(hosts) > 1:
            url = parts._replace(netloc=f"{userinfo}{at}{names.split(',')[0]}").geturl()
        options: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]  # redis-py has no types here
    except ValueError:  # it may quote the url, and so a password
        raise Misconfigured(_UNREADABLE) from None
    # The rest of a password that has a / or a ? or a #. A path of a socket may hold an @.
    if "@" in parts.query or parts.fragment or ("@" in parts.path and parts.netloc):
        raise Misconfigured(_UNREADABLE)
    query = parse_qs(parts.query, keep_blank_values=True)
    if off := _TLS_ON & query.keys():
        raise Misconfigured(
            f"the Redis url may not set {', '.join(sorted(off))}: TLS without it does not tell who the "
            "server is"
        )
    if refused := query.keys() - _OPTIONS:
        raise Misconfigured(
            f"the Redis url may not set {', '.join(sorted(refused))}: "
            f"its options are {', '.join(sorted(_OPTIONS))}"
        )
    _check(options)
    return addresses, options


def _check(options: Mapping[str, Any]) -> None:
    for name in sorted(_TIMEOUTS & options.keys()):
        if not 0 < options[name] <= threading.TIMEOUT_MAX:
            raise Misconfigured(f"{name} in the Redis url must be a number of seconds above 0")
    for name in sorted(_FILES & options.keys()):
        if not Path(options[name]).exists():
            raise Misconfigured(f"the file that {name} names in the Redis url is not there")
    own = dict(options)
    connection_class = own.pop("connection_class", Connection)
    try:
        connection = connection_class(**own)
        if isinstance(connection, SSLConnection):
            context_of(connection)
    except (TypeError, ValueError, RedisError) as cause:
        raise Misconfigured(f"the options of the Redis url cannot work: {cause}") from None
    except OSError as cause:
        raise Misconfigured(f"TLS cannot work with what the Redis url says: {cause}") from None


def context_of(settled: Any) -> ssl.SSLContext:
    """What a connection will use, made as redis-py does once it is connected, where a mistake would pass
    for an outage.
    """
    context = ssl.create_default_context()
    if settled.certfile or settled.keyfile:
        password = settled.certificate_password or ""  # with None, OpenSSL asks at the terminal
        context.load_cert_chain(settled.certfile, settled.keyfile, password)
    if settled.ca_certs or settled.ca_path or settled.ca_data:
        context.load_verify_locations(settled.ca_certs, settled.ca_path, settled.ca_data)
    if settled.ssl_min_version is not None:
        context.minimum_version = settled.ssl_min_version
    if settled.ssl_ciphers:
        context.set_ciphers(settled.ssl_ciphers)
    return context
