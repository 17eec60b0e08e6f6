"""A page that is typed: its files are written, its commands run, and what it shows is what came.

- A block of python, yaml or json whose first line is `# PATH` is that file, in the folder that the
  commands have come to.
- In a block of console each line after `$ ` is a command, and the lines below it, if there are any, are
  all that it said. `...` stands for any number of lines.
- Times, durations, owners, ids, addresses and the widths of columns differ from run to run. An address that was shown is replaced
  by the one that came wherever the page types it again.
- `projections servers` stays, as it does in a terminal of its own, until the page is done.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.examples.pages import ROOT

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"^# ([\w./-]+\.\w+)\n")
_ADDRESS = re.compile(r"127\.0\.0\.1:\d+")

_STAYS = "projections servers"

#: What differs from run to run, and what is compared instead.
_VOLATILE = [
    (_ADDRESS, "ADDRESS"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "TIME"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)?s\b"), "SECONDS"),
    (re.compile(r"\bowner=\S+"), "OWNER"),
    (re.compile(r"\b\d{13}-\d+\b"), "OFFSET"),  # a stream's offset is a time
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "ID"),
    (re.compile(r" +$", re.MULTILINE), ""),
    (re.compile(r"  +"), "  "),  # a column is as wide as what stands in it
]


@dataclass
class Command:
    """What is typed, and what the page says that it prints."""

    typed: str
    shown: list[str] = field(default_factory=list)


@dataclass
class Terminal:
    """A shell that goes on from command to command: folder and variables stay."""

    folder: Path
    environment: Mapping[str, str]
    #: The address that came for each that is shown.
    addresses: dict[str, str] = field(default_factory=dict)
    _staying: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._staying.close()

    def play(self, page: str, *, without: str | None = None) -> list[Command]:
        """Does all that the page says, in its order, but for commands that start with `without`."""
        ran = []
        for language, text in _FENCE.findall((ROOT / page).read_text()):
            if language == "console":
                for command in commands(text):
                    if without is None or not command.typed.startswith(without):
                        self.run(command)
                        ran.append(command)
            elif named := _FILE.match(text):
                path = self.folder / named[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        return ran

    def run(self, command: Command) -> None:
        """Types it, and compares what it said with what is shown."""
        typed = _ADDRESS.sub(lambda found: self.addresses.get(found[0], found[0]), command.typed)
        if typed.startswith(_STAYS):
            said = self._staying.enter_context(self._stays(typed, len(command.shown)))
        else:
            said = self._ends(typed)
        shown = "\n".join(command.shown)
        if shown:
            assert re.fullmatch(_pattern(shown), _masked(said)), (
                f"$ {typed}\n--- the page shows\n{shown}\n--- but it said\n{said}"
            )
            self.addresses |= zip(_ADDRESS.findall(shown), _ADDRESS.findall(said), strict=False)

    def _ends(self, typed: str) -> str:
        state = self.folder / ".shell"
        script = f"{typed}\ncode=$?\n{{ pwd; env -0; }} > '{state}'\nexit $code"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"$ {typed}\n{done.stdout}"
        where, _, rest = state.read_text().partition("\n")
        state.unlink()
        self.folder = Path(where)
        self.environment = dict(pair.partition("=")[::2] for pair in rest.rstrip("\0").split("\0"))
        return done.stdout.rstrip()

    @contextmanager
    def _stays(self, typed: str, lines: int) -> Iterator[str]:
        with subprocess.Popen(
            ["bash", "-c", f"exec {typed}"],
            cwd=self.folder,
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            try:
                yield "".join(process.stdout.readline() for _ in range(lines)).rstrip()
            finally:
                process.terminate()


def commands(text: str) -> list[Command]:
    """What a block of console holds."""
    found: list[Command] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line.removeprefix("$ ").partition("    #")[0]))
        else:
            found[-1].shown.append(line)
    return found


def clean(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment, without what it says of projections, servers and Python's own paths."""
    ours = re.compile(r"PROJECTIONS_|PYTHON|KAFKA|REDIS|VIRTUAL_ENV|COV_")
    return {name: value for name, value in environment.items() if not ours.match(name)}


def _masked(text: str) -> str:
    for pattern, instead in _VOLATILE:
        text = pattern.sub(instead, text)
    return text


def _pattern(shown: str) -> str:
    """What `_masked` must match in full."""
    lines = (
        r"(?:.*\n)*?.*" if line == "..." else re.escape(line) for line in _masked(shown).split("\n")
    )
    return r"\n".join(lines)
