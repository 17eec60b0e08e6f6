"""`projections new`: a projection of one's own, ready to run."""

from __future__ import annotations

import builtins
import json
import keyword
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from enum import StrEnum
from importlib.metadata import distributions, packages_distributions, version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from consumer.errors import Misconfigured
from consumer.model.names import validated_name


class Broker(StrEnum):
    """What events come from."""

    kafka = "kafka"
    redis = "redis"


_KAFKA = {
    "source": '    kafka:\n      bootstrap_servers: ["${KAFKA:-localhost:9092}"]',
    "brokers": "a Kafka and a Redis",
    "addresses": "`KAFKA` and `REDIS_URL` say",
    "servers": "projections servers",
    "partitions": " --partitions 4",
}

_REDIS = {
    "source": "    redis:\n      url: ${REDIS_URL:-redis://localhost:6379/0}\n      streams: 4",
    "brokers": "a Redis",
    "addresses": "`REDIS_URL` says",
    "servers": "projections servers --source redis",
    "partitions": "",
}

_SCAFFOLD = files("consumer.cli") / "scaffold"

#: What stands for a word of the new project, in the scaffold's files and in their names.
_WORD = re.compile(r"\{\{(\w+)\}\}")

#: What a package may be called, once dots and dashes are underscores: a distribution is called so, too.
_PACKAGE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

#: What a package that is called so would hide, or stand in the way of. Python lists all its own but `test`.
_TAKEN = sys.stdlib_module_names | {"consumer", "projectors", "test", "tests", "conftest"}

#: What pip installs with the new project, and so would take for it; normalised.
_NEEDED = {"projection-consumer", "hatchling", "pytest"}


def new(
    name: Annotated[str, typer.Argument(help="What to call the projection.", show_default=False)],
    into: Annotated[
        Path | None,
        typer.Option(
            "--into",
            help="The folder to make it in; one called like the projection if not given.",
            metavar="DIR",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        Broker, typer.Option("--source", help="What its events come from.")
    ] = Broker.kafka,
) -> None:
    """Make a projection of your own: a projector, its test, settings, a Dockerfile.

    It works as it is: README.md in the folder has the commands. No file that is
    there already is touched.

    Exit codes:
    0  it is made
    1  the name cannot be one, or something is in the way
    2  wrong usage
    """
    words = _words(name) | (_KAFKA if source is Broker.kafka else _REDIS)
    folder = into or Path(name)
    _write(folder, dict(_scaffold(words)))
    typer.echo(f"{folder / 'README.md'} says how to go on")


def _words(name: str) -> dict[str, str]:
    """What the scaffold calls things; `Misconfigured` where a projection or a package may not be called so."""
    package = re.sub(r"[.-]", "_", validated_name(name)).lower()
    if not _PACKAGE.fullmatch(package):
        raise Misconfigured(
            f"{name!r} cannot name a Python package: use letters and digits, with single dots, dashes or "
            "underscores between them, starting with a letter and without a version"
        )
    if (
        keyword.iskeyword(package)
        or package in {*_TAKEN, *packages_distributions()}
        or _normalised(name) in _NEEDED | {_normalised(each.name) for each in distributions()}
    ):
        raise Misconfigured(
            f"{name!r} cannot name a Python package: {package} is taken, by Python, by us, or by a package "
            "that is installed"
        )
    return {
        "name": name,
        "package": package,
        "class": _class(package),
        "variable": f"{package.upper()}_DATABASE",
        "version": version("projection-consumer"),
    }


def _normalised(distribution: str) -> str:
    """As pip compares names."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _class(package: str) -> str:
    """The projector's name; one that hides no name of the scaffold's code or of Python, and that pytest does
    not take for a class of tests.
    """
    name = "".join(part.capitalize() for part in package.split("_"))
    code = (file for path, file in _files(_SCAFFOLD) if path.endswith(".py"))
    said = {word for file in code for word in re.findall(r"\w+", file.read_text("utf-8"))}
    if name in {*said, *dir(builtins), *keyword.kwlist} or name.startswith("Test"):
        return f"ReadModelOf{name}"
    return name


def _scaffold(words: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The path and the text of each file."""

    def said(text: str) -> str:
        return _WORD.sub(lambda word: words[word[1]], text)

    for path, file in _files(_SCAFFOLD):
        yield said(path), said(file.read_text(encoding="utf-8"))

    from consumer.settings.schema import json_schema

    yield "projections.schema.json", json.dumps(json_schema(), indent=2) + "\n"


def _files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    """Each file below the folder: all are called .txt, so that no tool takes them for ours."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name.removesuffix('.txt')}", entry


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    """All files or, where something is in the way, none."""
    if not folder.parent.is_dir():
        raise Misconfigured(f"there is no folder {folder.parent}: make it first")
    if in_the_way := sorted({str(each) for path in texts for each in _in_the_way(folder, path)}):
        raise Misconfigured(f"nothing was made: there is {', '.join(in_the_way)} already")
    with ExitStack() as undo:
        for path, text in texts.items():
            try:
                _make(folder / path, text, undo)
            except OSError as cause:
                raise Misconfigured(f"cannot make {folder / path}: {cause.strerror}") from cause
        undo.pop_all()
    for path in texts:
        typer.echo(folder / path)


def _in_the_way(folder: Path, path: str) -> Iterator[Path]:
    """What is where the file belongs, and what is no folder where it needs one; a link to nowhere is, too."""
    if os.path.lexists(folder / path):
        yield folder / path
    for parent in (folder / path).parents:
        if parent == folder.parent:
            return
        if os.path.lexists(parent) and not parent.is_dir():
            yield parent


def _make(path: Path, text: str, undo: ExitStack) -> None:
    for parent in reversed(path.parents):
        if not parent.exists():
            parent.mkdir()
            undo.callback(parent.rmdir)
    with path.open("x", encoding="utf-8") as file:
        undo.callback(path.unlink)
        file.write(text)
