"""A way to PostgreSQL that breaks where a test wants it to."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class CuttingProxy:
    """Passes all on at `url`, and hangs up on the client once it has sent the words it is told to wait for.

    What came up to then, and these words too unless they are `held_back`, still reaches the server.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._server = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}"))
        #: How many clients were hung up on so far.
        self.cuts = 0
        self._words: bytes | None = None
        self._held_back = False
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def cut_at(self, words: bytes, *, held_back: bool = False) -> None:
        """Hangs up, once, on whoever sends the words."""
        self._held_back = held_back
        self._words = words

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for end in [self._listener, *self._open]:
            _hang_up(end)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._open += [client, server]
                self._start(self._requests, client, server)
                self._start(self._replies, server, client)

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while request := client.recv(65536):
                is_cut = self._words is not None and self._words in request
                if is_cut:
                    # The client is gone before the server can answer; the server finds out later.
                    self._words = None
                    self.cuts += 1
                    _hang_up(client)
                if not (is_cut and self._held_back):
                    server.sendall(request)
                if is_cut:
                    break
            server.shutdown(socket.SHUT_WR)

    def _replies(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while reply := server.recv(65536):
                client.sendall(reply)
        _hang_up(client)

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()


def _hang_up(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
