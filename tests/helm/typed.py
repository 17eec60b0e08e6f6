"""The commands that a page types: each split as a shell would, and what it names."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import typer

from consumer.cli.program import program
from tests.examples.pages import ROOT, blocks

#: What stands for an object in a command, as in deploy/shop-customers and --from=cronjob/shop-customers-replay.
_OBJECT = re.compile(r"^(?:--from=)?([a-z]+)/([a-z0-9.-]+)$")

_KINDS = {
    "deploy": "Deployment",
    "deployment": "Deployment",
    "cronjob": "CronJob",
    "configmap": "ConfigMap",
    "service": "Service",
    "svc": "Service",
    "scaledobject": "ScaledObject",
    "job": "Job",
}


def commands(page: str) -> Iterator[list[str]]:
    """The words of each command, those of a pipe one by one; in blocks first, then inline."""
    lines = [
        line.removeprefix("$ ")
        for text in blocks(page, "console")
        for line in text.splitlines()
        if line.startswith("$ ")
    ]
    prose = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(), flags=re.DOTALL | re.MULTILINE)
    lines += re.findall(r"`((?:kubectl|helm|projections) [^`…]+)`", prose)
    for line in lines:
        yield from _piped(line)


def _piped(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if word == "|":
            yield words
            words = []
        else:
            words.append(word)
    yield words


def objects(words: list[str]) -> set[tuple[str, str]]:
    """Kind and name of each object that a kubectl command names, without what runs inside a pod."""
    own = words[: words.index("--")] if "--" in words else words
    found = [match for word in own if (match := _OBJECT.match(word))]
    return {(_KINDS[match[1]], match[2]) for match in found}


def option(words: list[str], *names: str) -> list[str]:
    """The values of an option, each said as `-f VALUE`, `--name VALUE` or `--name=VALUE`."""
    after = [value for name, value in pairwise(words) if name in names]
    joined = [word.partition("=")[2] for word in words if word.partition("=")[0] in names]
    return after + [value for value in joined if value]


def ours(words: list[str]) -> list[str] | None:
    """What `projections` is told by a command, in a pod or here; None where it is another's command."""
    if words[0] == "kubectl" and "--" in words:
        words = words[words.index("--") + 1 :]
    if words[0] != "projections":
        return None
    said = words[1:]
    return said[: said.index("<")] if "<" in said else said


def parsed(said: list[str], folder: Path) -> dict[str, object]:
    """The parameters as our command line takes them; raises its usage errors. Files are looked for in `folder`."""
    said = [str(folder / word) if word.endswith(".jsonl") else word for word in said]
    command = typer.main.get_command(program)
    context = typer.Context(command, info_name="projections")
    while isinstance(command, typer.core.TyperGroup):
        _, verb, said = command.resolve_command(context, said)
        assert verb is not None
        command, context = verb, typer.Context(verb, parent=context, info_name=verb.name)
    command.parse_args(context, said)
    return context.params
