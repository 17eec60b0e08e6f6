"""A server process on this machine: started, watched, and stopped by its own id."""

from __future__ import annotations

import os
import pwd
import random
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from consumer.errors import Misconfigured

HOST = "127.0.0.1"

#: Seconds for a server to answer after its start: a slow machine that starts several at once.
_STARTUP = 60.0

#: Seconds for a server to end by itself before it is killed.
_SHUTDOWN = 20.0


#: Below the range from which systems take the near end of a connection: a client that keeps trying
#: to reach a server that is away would sooner or later take its port, and be connected to itself.
_PORTS = range(20_000, 32_000)


def free_port(host: str = HOST) -> int:
    """A port that nobody listens on now: of the loopback interface, or of another address of ours."""
    while True:
        port = random.choice(_PORTS)  # noqa: S311  a port is no secret
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port


def exchange(port: int, request: bytes, host: str = HOST) -> bytes:
    """The first bytes that the server on `port` answers to `request`; empty if it does not answer."""
    try:
        with socket.create_connection((host, port), timeout=1.0) as connection:
            connection.sendall(request)
            return connection.recv(1024)
    except OSError:
        return b""


def as_user(name: str | None) -> dict[str, Any]:
    """What `subprocess` is told to run a command as the user `name`, which root alone may; None: as oneself."""
    if name is None:
        return {}
    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}


class ServerProcess:
    """One server as a child process, in a session of its own: Ctrl-C reaches only its parent.

    Its output goes to the file `log`, and is quoted when it does not come up. As root, `user` may name
    another user to run it. `stopped_by` is the signal that asks it to end in good order.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        answers: Callable[[], bool],
        user: str | None = None,
        stopped_by: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self._command = [str(part) for part in command]
        self._log = log
        self._answers = answers
        self._user = user
        self._stopped_by = stopped_by
        self._process: subprocess.Popen[bytes] | None = None
        self._family: int | None = None

    @property
    def pid(self) -> int:
        """The process's id; `Misconfigured` while it does not run."""
        if self._process is None:
            raise Misconfigured(f"{self.name} is not running")
        return self._process.pid

    def start(self) -> None:
        """Returns once the server answers; `Misconfigured`, with its last words, if it does not."""
        # The writing end is held by the server and by its children, and by nobody else.
        self._family, writing = os.pipe()
        try:
            with self._log.open("ab") as output:
                self._process = subprocess.Popen(  # noqa: S603  the command is ours, without a shell
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=(writing,),
                    cwd=self._log.parent,
                    **as_user(self._user),
                )
        finally:
            os.close(writing)
        deadline = time.monotonic() + _STARTUP
        while not self._answers():
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.kill()
                how = "ended at once" if ended else f"did not answer within {_STARTUP:.0f} s"
                raise Misconfigured(f"{self.name} {how}: {self._last_words()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Asks the server to end, and waits until it has. Safe to call twice."""
        if self._process is None:
            return
        self._process.send_signal(self._stopped_by)
        try:
            self._process.wait(_SHUTDOWN)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._ended()

    def kill(self) -> None:
        """Ends the server at once, as a power cut would. Safe to call twice."""
        if self._process is None:
            return
        self._process.kill()
        self._ended()

    def _ended(self) -> None:
        """Until its children are gone too: they notice by themselves, and hold what its next start needs."""
        if self._process is not None:
            self._process.wait()
            self._process = None
        if self._family is not None:
            select.select([self._family], [], [], _SHUTDOWN)
            os.close(self._family)
            self._family = None

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return " / ".join(lines[-3:]) or "it said nothing"
