"""The open connections of a server that must not be kept busy by its clients."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

#: So many at once, and so many seconds each: a scrape takes milliseconds.
_MOST = 32
_LONGEST = 15.0


class Connections:
    """Keeps few and short connections: the oldest ends where a new one needs its place.

    To end one wakes its thread, which closes it. Safe to use from several threads.
    """

    def __init__(self, most: int = _MOST, longest: float = _LONGEST) -> None:
        self._most = most
        self._longest = longest
        #: Since when each is open, the oldest first.
        self._open: dict[socket.socket, float] = {}
        self._changing = threading.Lock()

    def add(self, connection: socket.socket) -> None:
        """It was opened just now."""
        with self._changing:
            while len(self._open) >= self._most:
                self._end(next(iter(self._open)))
            self._open[connection] = time.monotonic()

    def remove(self, connection: socket.socket) -> None:
        """It is about to be closed."""
        with self._changing:
            self._open.pop(connection, None)

    def end_old(self) -> None:
        """Ends those that are open for too long."""
        too_old = time.monotonic() - self._longest
        with self._changing:
            for connection in [c for c, since in self._open.items() if since < too_old]:
                self._end(connection)

    def end_all(self) -> None:
        """Ends every one."""
        with self._changing:
            for connection in list(self._open):
                self._end(connection)

    def _end(self, connection: socket.socket) -> None:
        del self._open[connection]
        with suppress(OSError):  # the client was faster
            connection.shutdown(socket.SHUT_RDWR)
