"""What the options in front of a verb say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

if TYPE_CHECKING:
    from consumer.settings.document import Settings


@dataclass(frozen=True)
class Given:
    """The options that hold for every verb."""

    config: Path
    log_format: Literal["auto", "console", "json"]
    log_level: str

    @staticmethod
    def by(context: typer.Context) -> Given:
        """Those of the running program."""
        given: Given = context.obj
        return given

    def settings(self) -> Settings:
        """The settings, read and checked; raises `Misconfigured`."""
        from consumer.settings.loading import load  # what --help need not wait for

        return load(self.config)

    def log(self) -> None:
        """Sends the log to standard error, in the form and from the level that was asked for."""
        from consumer.telemetry.logs import configure

        configure(self.log_format, self.log_level)
