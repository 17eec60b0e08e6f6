"""`projections offsets reset`: events are read again, or passed over."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consumer.cli import exits
from consumer.cli.given import Given
from consumer.cli.naming import projection_names
from consumer.cli.printing import Columns, cell, print_json, print_table, refuse, shown

if TYPE_CHECKING:
    from consumer.engine.plan import Plan
    from consumer.model.position import Partition

_COLUMNS: Columns = {
    "PARTITION": "name",
    "FROM": "number",
    "TO": "number",
    "READ AGAIN": "number",
    "PASSED OVER": "number",
    "THEN LEFT": "number",
}


def reset(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="A projection of the settings.",
            show_default=False,
            autocompletion=projection_names,
        ),
    ],
    to_earliest: Annotated[
        bool, typer.Option("--to-earliest", help="Read everything again that the log holds.")
    ] = False,
    to_latest: Annotated[
        bool, typer.Option("--to-latest", help="Pass over everything that is there now.")
    ] = False,
    to_datetime: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Read what was written since, as in 2026-11-01T00:00:00Z.",
            show_default=False,
        ),
    ] = None,
    to_offset: Annotated[
        str | None,
        typer.Option(
            metavar="OFFSET",
            help="The first event that is read again: 42, or 1526919030474-0 in a stream.",
            show_default=False,
        ),
    ] = None,
    partition: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TOPIC/N",
            help="Move this partition, and leave the others; may be said several times.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a document.")] = False,
) -> None:
    """Move the checkpoints of a projection, while no worker of it lives.

    Takes exactly one --to. Whatever moves is recorded first, see
    `offsets get`. If it is killed on the way, type the same again, ten
    seconds later.

    Of a projection with a `read_model`, --to-earliest without --partition
    clears the rows, and they are made anew; what would count an event twice
    is refused. Any other read model is left as it is, unless its projector
    has a `reset` that empties it.

    Exit codes:
    0  done; or, with --dry-run, shown
    1  misconfigured, the log does not hold the target, an event would count
       twice, or you said no
    2  wrong usage
    5  a server is out of reach; type the same again
    7  a worker of the projection lives, or another reset, so nothing was moved
    """
    from consumer.cli.offsets_typed import partitions_typed, target_typed

    words, target = target_typed(to_earliest, to_latest, to_datetime, to_offset)
    only = partitions_typed(partition or [])
    if not (dry_run or yes) and (as_json or not sys.stdin.isatty()):
        refuse("nobody can be asked here: add --yes to do it, or --dry-run to see what it would do")
    from consumer.engine.attending import LEASE_SECONDS
    from consumer.wiring.resetting import desk

    settings = Given.by(context).settings()
    from_beginning = to_earliest and not only
    with desk(settings, name, make=not dry_run, from_beginning=from_beginning) as work:
        plan = work.plan(target, words=words, only=only)
        if dry_run:
            _show(plan, as_json=as_json)
            return
        _refuse_while_owned(plan, plan.living)
        if not as_json:
            _print(plan)
        if not yes:
            typer.confirm(_ASKED[plan.fate].format(name=name), abort=True, err=True)
        outcome = work.carry_out(plan)
        _refuse_while_owned(plan, dict.fromkeys(outcome.came, ()))
        unmirrored = work.mirror(plan)
    for owner in sorted(outcome.late):
        typer.echo(
            f"{owner} started meanwhile. Its claims are gone, which it notices within "
            f"{LEASE_SECONDS:.0f} s; then it joins again",
            err=True,
        )
    if unmirrored:
        typer.echo(
            f"the broker's own group does not show it yet; the next worker sees to it: {unmirrored}",
            err=True,
        )
    if as_json:
        print_json(_document(plan, done=True))
    else:
        typer.echo(f"done; {_DONE[plan.fate]}")


def _show(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        print_json(_document(plan, done=False))
    else:
        _print(plan)
    for owner in plan.living:
        typer.echo(f"as long as {owner} lives, this would be refused", err=True)


def _refuse_while_owned(plan: Plan, living: Mapping[str, Collection[Partition]]) -> None:
    from consumer.engine.attending import LEASE_SECONDS

    if not living:
        return
    lines = [f"{plan.projection} is worked on, so nothing was moved. Who lives:"]
    for owner, partitions in sorted(living.items()):
        held = f", holds {', '.join(map(str, partitions))}" if partitions else ""
        # A person's name is part of a reset's, see wiring/resetting.py, and of no worker's.
        kind = "another reset" if "@" in owner else f"on the host {owner.split(':')[0]}"
        lines.append(f"  {owner}, {kind}{held}")
    lines.append(
        "Stop all its workers (SIGTERM, or kubectl scale --replicas 0), let another reset end, then type "
        f"the same again. After a kill -9 either counts as living for {LEASE_SECONDS:.0f} s"
    )
    refuse("\n".join(lines), exits.OWNED)


def _print(plan: Plan) -> None:
    rows = [
        [
            str(move.partition),
            cell(shown(move.before)),
            cell(shown(move.after)),
            cell(move.read_again),
            cell(move.passed_over),
            cell(move.left_after),
        ]
        for move in plan.moves
    ]
    if len(rows) > 1:
        sums = _sums(plan)
        rows.append(["in all", "", "", *(str(sums[name]) for name in _SUMMED)])
    print_table(_COLUMNS, rows)
    for line in _of_the_rows(plan):
        typer.echo(line)


#: By what becomes of the read model.
_ASKED = {
    "untouched": "move the offsets of {name} so?",
    "emptied": "empty the read model of {name}, and move its offsets so?",
    "kept": "move the offsets of {name} so, and keep its rows?",
    "cleared": "clear the rows of {name}, and move its offsets so?",
}
_DONE = {
    "untouched": "the read model was not touched",
    "emptied": "its projector emptied the read model",
    "kept": "the rows are as they were",
    "cleared": "the rows were cleared, and are made anew when a worker runs",
}


def _of_the_rows(plan: Plan) -> Iterator[str]:
    """What the reset means to the read model, where it means anything."""
    if plan.fate == "emptied":
        yield "its projector empties the read model first"
    elif plan.fate == "kept":
        passed = _sums(plan)["passed_over"]
        never = f"; what is passed over, {passed} events, will never be in them" if passed else ""
        yield f"the rows of the read model are kept{never}"
    elif plan.fate == "cleared":
        yield "the rows of the read model are cleared, and made anew from what the log holds"
        for move in plan.moves:
            if move.begins_late:
                yield f"{move.partition} begins at {shown(move.after)}: what came before is gone from the rows too"


_SUMMED = ("read_again", "passed_over", "left_after")


def _sums(plan: Plan) -> dict[str, int]:
    """Over the partitions of which it is known."""
    return {name: sum(getattr(move, name) or 0 for move in plan.moves) for name in _SUMMED}


def _document(plan: Plan, *, done: bool) -> dict[str, Any]:
    return {
        "projection": plan.projection,
        "to": plan.words,
        "done": done,
        "read_model": str(plan.fate),
        "partitions": [
            {
                "partition": str(move.partition),
                "from": shown(move.before),
                "to": shown(move.after),
                **{name: getattr(move, name) for name in _SUMMED},
            }
            for move in plan.moves
        ],
        **_sums(plan),
    }
