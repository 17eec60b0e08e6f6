"""Writes the pages that are made from the code: `make docs`. A test holds them against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
import typer
from typer.core import TyperCommand, TyperGroup

from consumer.cli.program import program
from docs.metrics_page import metrics
from docs.settings_page import settings

DOCS = Path(__file__).parent

_COMMAND_LINE = """\
# Command line

What each verb does and takes, and how it ends. Options in front of the verb hold for all of them.
"""


def command_line() -> str:
    """docs/cli.md."""
    root = typer.main.get_command(program)
    helps = _helps(click.Context(root, info_name="projections", max_content_width=100))
    return _COMMAND_LINE + "".join(
        f"\n## {name}\n\n```text\n{text.rstrip()}\n```\n" for name, text in helps
    )


def _helps(context: click.Context) -> Iterator[tuple[str, str]]:
    command = context.command
    if isinstance(command, TyperCommand | TyperGroup):
        command.rich_markup_mode = None  # plain text, without boxes
        # \b keeps a paragraph's lines as they are.
        command.help = "\n\n".join(f"\b\n{part}" for part in (command.help or "").split("\n\n"))
    context.terminal_width = 100
    yield context.command_path, command.get_help(context)
    if isinstance(command, TyperGroup):
        for name in command.list_commands(context):
            verb = command.get_command(context, name)
            if verb is not None and not verb.hidden:
                inner = click.Context(verb, parent=context, info_name=name)
                yield from _helps(inner)


#: Each page with what makes it.
PAGES: Mapping[str, Callable[[], str]] = {
    "cli.md": command_line,
    "metrics.md": metrics,
    "settings-reference.md": settings,
}


if __name__ == "__main__":
    for page, made in PAGES.items():
        (DOCS / page).write_text(made())
