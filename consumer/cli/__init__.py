"""Floor 7, the command line: a file a verb."""

from __future__ import annotations

from typing import NoReturn


def main() -> NoReturn:
    """The console script `projections`."""
    from consumer.cli.program import run_program

    run_program()
