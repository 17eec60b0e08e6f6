"""How verbs print what they found: tables for people, documents of stable keys for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import typer

from consumer.cli import exits

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from consumer.engine.standing import Standing
    from consumer.model.position import Offset

#: The columns of a table by their headings; a name may be broken where the terminal is narrow.
Columns = Mapping[str, Literal["name", "word", "number"]]

#: Wide enough for every row, where no terminal says how wide it is.
_WIDE = 10_000

#: Seconds of each unit of time, the longest first.
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def console() -> Console:
    """What prints tables: as wide as the terminal, and without one as wide as the table."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False, markup=False)


def table(columns: Columns, rows: Sequence[Sequence[str]]) -> Table:
    """Rows under headings."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading, kind in columns.items():
        made.add_column(
            heading,
            justify="right" if kind == "number" else "left",
            overflow="fold",
            no_wrap=kind != "name",
        )
    for row in rows:
        made.add_row(*row)
    return made


def print_table(columns: Columns, rows: Sequence[Sequence[str]]) -> None:
    """Prints it to standard output."""
    console().print(table(columns, rows))


def print_json(document: Any, *, lines: bool = False) -> None:
    """Prints a document to standard output; as one line where more follow."""
    typer.echo(json.dumps(document, indent=None if lines else 2, ensure_ascii=False))


def shown(offset: Offset | None) -> str | None:
    """An offset as the broker's own tools print it."""
    return None if offset is None else str(offset.shown)


def stamp(time: datetime | None) -> str | None:
    """A time for programs."""
    return None if time is None else time.isoformat()


def entry(standing: Standing) -> dict[str, Any]:
    """What the offset store tells of a partition, for programs."""
    checkpoint = standing.checkpoint
    return {
        "partition": str(standing.partition),
        "state": standing.state,
        "since": stamp(standing.since),
        "reason": standing.reason or None,
        "current_offset": shown(checkpoint.offset) if checkpoint else None,
        "epoch": checkpoint.epoch if checkpoint else None,
        "owner": (checkpoint.owner or None) if checkpoint else None,
        "owner_present": standing.is_owner_present,
    }


def cell(value: object) -> str:
    """What stands in a table; "-" for nothing."""
    return "-" if value is None or value == "" else str(value)


def spent(seconds: float | None) -> str:
    """A time span in its two largest units, as in 3h12m."""
    if seconds is None:
        return "-"
    left = max(0, int(seconds))
    parts: list[str] = []
    for name, length in _UNITS:
        count, left = divmod(left, length)
        if count or (parts and len(parts) < 2):  # noqa: PLR2004  # the two largest
            parts.append(f"{count}{name}")
    return "".join(parts[:2]) or "0s"


def refuse(text: str, code: int = exits.USAGE) -> NoReturn:
    """Ends the verb with what is wrong, on standard error."""
    typer.echo(text, err=True)
    raise typer.Exit(code)
