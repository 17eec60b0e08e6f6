"""A server that lives as long as a block of code, with a port and a folder of its own."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from consumer.embedded.process import HOST, ServerProcess, exchange, free_port


class EmbeddedServer:
    """A server on a free port, with its data in `folder` (a temporary one by default).

    It listens on the loopback interface; `host` may be another address of this machine, by which
    others reach it: whoever does is let in, so let it be that of a network of one's own.

    A context manager: it answers inside, and is gone afterwards, with its temporary folder. Port and
    folder stay the same from one start to the next.
    """

    def __init__(self, kind: str, folder: Path | None, host: str = HOST) -> None:
        self._kind = kind
        self._own = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix=f"{kind.lower()}-"))
        self.host = host
        self.port = free_port(host)
        self._process: ServerProcess

    def _runs(
        self,
        command: Sequence[str | Path],
        *,
        answers: Callable[[], bool],
        user: str | None = None,
        stopped_by: signal.Signals = signal.SIGTERM,
    ) -> None:
        """What is started, by whom, how it shows that it is up, and what asks it to end."""
        self._process = ServerProcess(
            f"{self._kind} on port {self.port}",
            command,
            log=self.folder / "server.log",
            answers=answers,
            user=user,
            stopped_by=stopped_by,
        )

    def _says(self, request: bytes) -> bytes:
        """The first bytes of its answer; empty while there is none."""
        return exchange(self.port, request, self.host)

    @property
    def _address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """The server's process id; `Misconfigured` while it does not run."""
        return self._process.pid

    def start(self) -> None:
        """Returns once it answers; `Misconfigured`, with its last words, if it does not."""
        self._process.start()

    def stop(self) -> None:
        """Ends it in good order. Safe to call twice."""
        self._process.stop()

    def kill(self) -> None:
        """Ends it with SIGKILL. Safe to call twice."""
        self._process.kill()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
        if self._own:
            shutil.rmtree(self.folder, ignore_errors=True)
