"""Progress as the demo shows it: how many events, of how many, how fast."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn


def bars(console: Console, verb: str) -> Progress:
    """Bars over events that are handed over, or applied; add them with `add_bar`."""
    return Progress(
        TextColumn("{task.description:<9}"),
        BarColumn(),
        TextColumn(f"{{task.completed:>9,}} of {{task.total:,}} events {verb}"),
        TextColumn("{task.fields[rate]:>9}"),
        console=console,
    )


def add_bar(progress: Progress, name: str, total: int) -> TaskID:
    """A bar that ends at `total`."""
    return progress.add_task(name, total=total, rate="")


def move_bar(progress: Progress, bar: TaskID, events: int) -> None:
    """Shows that so many events are done, and the rate since the bar was added."""
    elapsed = progress.tasks[bar].elapsed
    rate = f"{events / elapsed:,.0f}/s" if elapsed and events else ""
    progress.update(bar, completed=events, rate=rate)
