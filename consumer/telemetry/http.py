"""The port where a worker is watched: metrics, and probes."""

from __future__ import annotations

import errno
import gzip
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder, gzip_accepted

from consumer.errors import Misconfigured
from consumer.model.causes import told
from consumer.telemetry.connections import Connections
from consumer.telemetry.health import Answer, Health

_TEXT = "text/plain; charset=utf-8"
_INDEX = """\
/metrics  what is counted, for Prometheus
/livez    whether the loop comes round
/readyz   whether the worker takes its part
"""
#: Seconds that a client may keep silent, or take to read its answer.
_PATIENCE = 5.0
#: Seconds between two looks whether to close, and at connections that are open for too long.
_LOOKS = 0.1
#: What is wrong with the address rather than with the port.
_NO_SUCH_ADDRESS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL, errno.ENODEV}


class Http:
    """Answers on one port, on daemon threads, until it is closed; the worker never waits for it.

    However many clients come, and however slow they are, there are never more than a few threads, and
    who comes last is answered. Raises `Misconfigured` where the port or the host cannot be had.
    """

    def __init__(self, host: str, port: int, registry: CollectorRegistry, health: Health) -> None:
        family, address = _resolved(host, port)
        try:
            self._server = _Server(family, address, registry, health)
        except OSError as cause:
            raise _refused(host, port, cause) from cause
        #: The port that is listened on, also where any was asked for.
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_LOOKS,), name="http", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Frees the port, and hangs up on whoever is still connected. Safe to call twice."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(
        self,
        family: socket.AddressFamily,
        address: Any,
        registry: CollectorRegistry,
        health: Health,
    ) -> None:
        self.address_family = family
        self.connections = Connections()
        self.registry = registry
        self.probes: Mapping[str, Callable[[], Answer]] = {
            "/livez": health.live,
            "/readyz": health.ready,
        }
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Not as HTTPServer, which asks the name service who we are, and may wait for it."""
        if self.address_family == socket.AF_INET6 and self.server_address[0] == "::":
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # IPv4 too
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Makes room before a thread is started."""
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Called at the end of every connection."""
        self.connections.remove(request)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Called a few times a second."""
        self.connections.end_old()

    def server_close(self) -> None:
        """Whoever is connected would otherwise be answered after the end."""
        super().server_close()
        self.connections.end_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; nothing else is raised while answering."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE
    server_version = "projections"
    sys_version = ""

    def _get(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._send_metrics()
        elif path in self.server.probes:
            answer = self.server.probes[path]()
            status = HTTPStatus.OK if answer.ok else HTTPStatus.SERVICE_UNAVAILABLE
            self._send(status, answer.reason + "\n")
        elif path == "/":
            self._send(HTTPStatus.OK, _INDEX)
        else:
            self._send(HTTPStatus.NOT_FOUND, f"nothing is here; there is:\n{_INDEX}")

    def _refuse(self) -> None:
        self._send(HTTPStatus.METHOD_NOT_ALLOWED, "use GET or HEAD\n", {"Allow": "GET, HEAD"})

    do_GET = do_HEAD = _get  # noqa: N815  # the names that http.server looks for
    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse  # noqa: N815

    def _send_metrics(self) -> None:
        encode, content_type = _encoder(self.headers.get("Accept", ""))
        try:
            body = encode(self.server.registry)
        except Exception as cause:  # a registry may hold collectors that are not ours
            why = f"a collector of the registry failed: {told(cause)}\n"
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, why)
            return
        headers = {"Content-Type": content_type}
        if gzip_accepted(self.headers.get("Accept-Encoding", "")):
            body = gzip.compress(body, compresslevel=1)
            headers["Content-Encoding"] = "gzip"
        self._send(HTTPStatus.OK, body, headers)

    def _send(
        self, status: HTTPStatus, body: str | bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in {"Content-Type": _TEXT, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: who looks every few seconds is not worth a line."""


def _encoder(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    try:
        return choose_encoder(accept)
    except Exception:  # the client's own parser stumbles over versions that are none
        return choose_encoder("")


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, Any]:
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as cause:
        raise Misconfigured(
            f"http.host is {host!r}, and no address is found under it: use 0.0.0.0 for all of this "
            "machine's, or 127.0.0.1"
        ) from cause
    family, _, _, _, address = found[0]
    return family, address


def _refused(host: str, port: int, cause: OSError) -> Misconfigured:
    if cause.errno in _NO_SUCH_ADDRESS:
        return Misconfigured(
            f"http.host is {host!r}, which is no address of this machine: use 0.0.0.0 for all of them, "
            "or 127.0.0.1"
        )
    why = "is taken" if cause.errno == errno.EADDRINUSE else f"cannot be had ({cause.strerror})"
    return Misconfigured(
        f"http.port is {port}, which {why} on {host!r}: choose another, or 0 for any that is free"
    )
