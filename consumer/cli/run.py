"""`projections run`: a worker."""

from __future__ import annotations

import gc
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli import exits
from consumer.cli.given import Given
from consumer.cli.naming import projection_names

if TYPE_CHECKING:
    from consumer.cli.signals import Ending
    from consumer.model.event import Batch
    from consumer.settings.document import Settings
    from consumer.wiring.parts import Parts
    from consumer.wiring.watching import Watch
    from consumer.wiring.worker import Ready


def run(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="A projection of the settings.",
            show_default=False,
            autocompletion=projection_names,
        ),
    ],
    until_caught_up: Annotated[
        bool,
        typer.Option("--until-caught-up", help="End once everything is applied that is there now."),
    ] = False,
) -> None:
    """Run a worker of a projection; start as many as you like, anywhere.

    SIGTERM and Ctrl-C let it finish the batch in hand, commit and leave.
    A second one ends it at once.

    Exit codes:
    0  done, or stopped in good order
    1  misconfigured
    2  wrong usage
    3  caught up, but for partitions that halted
    4  the batch in hand took longer than drain_seconds after a signal
    6  one apply took longer than apply_seconds
    70  a bug, with a traceback
    128 + n  ended by a second signal n
    """
    from consumer.cli.signals import Ending
    from consumer.wiring.parts import parts
    from consumer.wiring.watching import watching

    given = Given.by(context)
    settings = given.settings()
    projection = settings.projection(name)
    given.log()
    made_of = parts(name, projection, settings.source(projection.source.from_))
    with Ending(projection.drain_seconds) as ending, ExitStack() as afterwards:
        afterwards.callback(made_of.close)
        watch = afterwards.enter_context(watching(settings, name, ending.asked.is_set))
        ready = _ready(settings, name, made_of, until_caught_up, watch, ending, afterwards)
        if ready is None:
            return
        # What start-up made lives as long as the process: the collector need not walk through it again
        # and again, which was a tenth of a busy worker's time.
        gc.collect()
        gc.freeze()
        ending.then(ready.worker.stop)
        ready.worker.run()
        halted = ready.halted
    if until_caught_up and halted and not ending.asked.is_set():
        for partition, reason in sorted(halted.items()):
            typer.echo(f"{name} in {partition} stands halted: {reason}", err=True)
        raise typer.Exit(exits.HALTED)


def _ready(
    settings: Settings,
    name: str,
    made_of: Parts,
    until_caught_up: bool,
    watch: Watch,
    ending: Ending,
    afterwards: ExitStack,
) -> Ready | None:
    """The worker, however long its servers are out of reach; None if it is told to stop before."""
    from consumer.engine.retrying import Backoff
    from consumer.errors import Transient
    from consumer.model.facts import Delayed
    from consumer.wiring.worker import ready

    projection = settings.projection(name)
    backoff = Backoff(projection.retry.initial, projection.retry.cap)
    exceeded = partial(_end_overdue, name, projection.apply_seconds)
    attempts = 0
    while not ending.asked.is_set():
        try:
            return afterwards.enter_context(
                ready(
                    settings,
                    name,
                    made_of,
                    watch=watch,
                    exceeded=exceeded,
                    until_caught_up=until_caught_up,
                )
            )
        except Transient as cause:
            attempts += 1
            delay = backoff.delay(attempts)
            watch.observer.happened(Delayed(delay, cause))
            ending.asked.wait(delay)
    return None


def _end_overdue(name: str, seconds: float, batch: Batch) -> None:
    from consumer.cli.signals import end_now

    end_now(
        f"{name} is still applying {batch.partition} from offset {batch.first} to "
        f"{batch.fence.offset} after {seconds:g} s (apply_seconds): ending without a commit, so that "
        "nothing it still writes meets what the next owner writes; the events will be applied again",
        exits.OVERDUE,
    )
