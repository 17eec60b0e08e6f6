"""`projections offsets list` and `get`: what the offset store holds."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consumer.cli.given import Given
from consumer.cli.naming import projection_names
from consumer.cli.offsets_reset import reset
from consumer.cli.printing import Columns, cell, entry, print_json, print_table, shown, stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.engine.standing import Book, Standing
    from consumer.model.reset import Reset

offsets = typer.Typer(
    name="offsets",
    help="Look at what the offset store holds, and move it.",
    no_args_is_help=True,
)

_COLUMNS: Columns = {
    "PARTITION": "name",
    "CURRENT": "number",
    "EPOCH": "number",
    "STATE": "word",
    "SINCE": "name",
    "OWNER": "name",
    "LOG": "name",
    "REASON": "name",
}

_AsJson = Annotated[bool, typer.Option("--json", help="Print a document.")]


@offsets.command("list")
def list_offsets(context: typer.Context, as_json: _AsJson = False) -> None:
    """List the projections that have checkpoints, in the settings or not.

    Exit codes:
    0  shown
    1  misconfigured
    2  wrong usage
    5  the offset store is out of reach
    """
    from consumer.wiring.offsets import offset_store

    settings = Given.by(context).settings()
    with closing(offset_store(settings.offsets, make=False)) as store:
        found = {name: store.partitions(name) for name in store.list_projections()}
    if as_json:
        print_json(
            {
                "projections": [
                    {
                        "projection": name,
                        "configured": name in settings.projections,
                        "partitions": [str(partition) for partition in partitions],
                    }
                    for name, partitions in found.items()
                ]
            }
        )
        return
    rows = [
        [name, str(len(partitions)), "yes" if name in settings.projections else "no"]
        for name, partitions in found.items()
    ]
    print_table({"PROJECTION": "name", "PARTITIONS": "number", "CONFIGURED": "word"}, rows)


@offsets.command("get")
def get_offsets(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="A projection, in the settings or not.",
            show_default=False,
            autocompletion=projection_names,
        ),
    ],
    as_json: _AsJson = False,
) -> None:
    """Show every checkpoint of a projection, and the resets of its offsets.

    CURRENT is what the broker's own tools tell: on Kafka the offset to be
    read next, on Redis Streams an id.

    Exit codes:
    0  shown
    1  misconfigured, or there is nothing of that name
    2  wrong usage
    5  the offset store is out of reach
    """
    from consumer.engine.standing import UNSEEN, Report, booked
    from consumer.errors import Misconfigured
    from consumer.settings.problems import nearest
    from consumer.wiring.offsets import audit, offset_store, presence

    settings = Given.by(context).settings().offsets
    with (
        closing(offset_store(settings, make=False)) as store,
        closing(presence(settings, make=False)) as leases,
        closing(audit(settings, make=False)) as resets,
    ):
        book = booked(name, store, leases)
        known = store.list_projections()
        history = resets.records(name)
    if not (book.checkpoints or book.unreadable or history):
        raise Misconfigured(f"the offset store holds nothing of {name}; {nearest(name, known)}")
    standings = Report.of(book, UNSEEN, {}).partitions
    if as_json:
        print_json(_document(book, standings, history))
    else:
        _print(standings, history)


def _print(standings: Sequence[Standing], history: Sequence[Reset]) -> None:
    rows = [
        [
            str(each.partition),
            cell(shown(each.checkpoint.offset)) if each.checkpoint else "-",
            cell(each.checkpoint.epoch if each.checkpoint else None),
            each.state,
            cell(stamp(each.since)),
            cell(each.checkpoint.owner if each.checkpoint else None),
            cell(_log(each)),
            cell(each.reason),
        ]
        for each in standings
    ]
    print_table(_COLUMNS, rows)
    if history:
        typer.echo("\nresets, the oldest first:")
        for reset in history:
            typer.echo(f"{stamp(reset.at)}  {reset.to}  by {reset.by}")
            for move in reset.moves:
                typer.echo(
                    f"  {move.partition}: from {cell(shown(move.before))} to {shown(move.after)}"
                )


def _document(
    book: Book, standings: Sequence[Standing], history: Sequence[Reset]
) -> dict[str, Any]:
    return {
        "projection": book.projection,
        "partitions": [{**entry(each), "log": _log(each)} for each in standings],
        "resets": [
            {
                "at": stamp(reset.at),
                "by": reset.by,
                "to": reset.to,
                "partitions": [
                    {
                        "partition": str(move.partition),
                        "from": shown(move.before),
                        "to": shown(move.after),
                    }
                    for move in reset.moves
                ],
            }
            for reset in history
        ],
    }


def _log(standing: Standing) -> str | None:
    return (standing.checkpoint.log.id or None) if standing.checkpoint else None


offsets.command("reset")(reset)
