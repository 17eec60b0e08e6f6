"""What was typed behind `projections offsets reset`: where to, and which partitions."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from consumer.cli.printing import refuse
from consumer.engine.targets import Target
from consumer.model.position import Offset, Partition
from consumer.model.start import BEGINNING, Start


def target_typed(
    to_earliest: bool, to_latest: bool, to_datetime: str | None, to_offset: str | None
) -> tuple[str, Target]:
    """The one --to that was typed, and what it means; ends the verb where there is none, or another."""
    said: list[tuple[str, Target]] = []
    if to_earliest:
        said.append(("--to-earliest", BEGINNING))
    if to_latest:
        said.append(("--to-latest", Start("end")))
    if to_datetime is not None:
        said.append((f"--to-datetime {to_datetime}", Start("time", time=_time(to_datetime))))
    if to_offset is not None:
        said.append((f"--to-offset {to_offset}", _offset(to_offset)))
    if len(said) != 1:
        refuse(
            "say where to: exactly one of --to-earliest, --to-latest, --to-datetime and --to-offset"
        )
    return said[0]


def partitions_typed(texts: Collection[str]) -> list[Partition]:
    """The partitions that were typed, each once; ends the verb where one is none."""
    try:
        return sorted({Partition.parse(text) for text in texts})
    except ValueError as cause:
        refuse(f"--partition: {cause}")


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        refuse(f"--to-datetime {text} is no time: write it as in 2026-11-01T00:00:00Z")
    if time.tzinfo is None:
        refuse(
            f"--to-datetime {text} has no zone, and so may mean any hour of a day: write it as in "
            f"{time.isoformat()}Z or {time.isoformat()}+01:00"
        )
    return time


def _offset(text: str) -> Target:
    try:
        return Offset.parse(text)
    except ValueError as cause:
        refuse(f"--to-offset: {cause}")
