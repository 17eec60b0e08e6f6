"""A server's stand-in that passes everything on, and loses the replies it is told to lose."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self
from urllib.parse import urlsplit


class LosingProxy:
    """At `url`; the server does what it is asked even where its reply is lost with the connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._server = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        #: How many replies were lost so far.
        self.lost = 0
        self._to_lose: bytes | None = None
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def lose_reply_to(self, request: bytes) -> None:
        """The reply to the next request that holds these bytes is lost."""
        self._to_lose = request

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._open:
            self._hang_up(end)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            self._open += [client, server]
            self._start(self._serve, client, server)

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        # Redis answers each request of a connection before the next one is sent, so one thread does.
        try:
            while request := client.recv(65536):
                server.sendall(request)
                reply = server.recv(65536)
                if self._to_lose and self._to_lose in request:
                    self._to_lose = None
                    self.lost += 1
                    return
                client.sendall(reply)
        except OSError:
            return
        finally:
            self._hang_up(client)
            self._hang_up(server)

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    @staticmethod
    def _hang_up(end: socket.socket) -> None:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
