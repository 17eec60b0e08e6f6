"""The command line as a whole: what holds for every verb, and how each may end."""

from __future__ import annotations

import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from consumer.cli import exits
from consumer.cli.check import check
from consumer.cli.ddl import ddl
from consumer.cli.demo import demo
from consumer.cli.given import Given
from consumer.cli.new import new
from consumer.cli.offsets import offsets
from consumer.cli.publish import publish
from consumer.cli.run import run
from consumer.cli.schema import settings_schema
from consumer.cli.servers import servers
from consumer.cli.status import status
from consumer.errors import ConsumerError, Misconfigured

program = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (check, run, status, publish, new, servers, ddl, settings_schema, demo):
    program.command()(verb)
program.add_typer(offsets)


class LogFormat(StrEnum):
    """How the log looks."""

    auto = "auto"
    console = "console"
    json = "json"


class LogLevel(StrEnum):
    """From which level on a line is logged."""

    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


@program.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path, typer.Option(envvar="PROJECTIONS_CONFIG", help="The settings.", dir_okay=False)
    ] = Path("projections.yaml"),
    app_dir: Annotated[
        Path,
        typer.Option(envvar="PROJECTIONS_APP_DIR", help="Where your projectors are imported from."),
    ] = Path(),
    log_format: Annotated[
        LogFormat,
        typer.Option(
            envvar="PROJECTIONS_LOG_FORMAT", help="auto: console on a terminal, else json."
        ),
    ] = LogFormat.auto,
    log_level: Annotated[
        LogLevel,
        typer.Option(envvar="PROJECTIONS_LOG_LEVEL", help="debug shows every batch."),
    ] = LogLevel.info,
) -> None:
    """Read models kept up to date from Kafka and Redis Streams."""
    sys.path.insert(0, str(app_dir.resolve()))
    context.obj = Given(config, log_format.value, log_level.value)


def run_program() -> NoReturn:
    """Runs the verb that the command line names, and ends the process with a code of `exits`."""
    try:
        program(prog_name="projections")
    except Misconfigured as cause:
        _end(str(cause), exits.MISCONFIGURED)
    except ConsumerError as cause:
        _end(str(cause), exits.FAILED)
    except Exception:
        _end(traceback.format_exc(), exits.BUG)
    sys.exit(exits.DONE)


def _end(text: str, code: int) -> NoReturn:
    print(text.rstrip(), file=sys.stderr)  # noqa: T201  # the command line speaks
    sys.exit(code)
