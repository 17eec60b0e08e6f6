"""What a checkpoint's record in Redis says, field by field."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from consumer.errors import Misconfigured
from consumer.model.condition import Condition, State, running
from consumer.model.custody import SCHEMA, damaged, newer, recorded_offset
from consumer.model.position import Checkpoint, LogIdentity, Partition


def read(projection: str, partition: Partition, fields: Sequence[str]) -> Checkpoint | None:
    """The checkpoint of these `CHECKPOINT_FIELDS`, "" where one is not there; None where the projection
    never ran, or was reset.

    Raises `NewerRecord` where a newer release wrote them, and `Misconfigured` where they are damaged.
    """
    schema, epoch, offset, log_id, log_partitions, owner, *left = fields
    if schema and not (schema.isdigit() and int(schema) <= SCHEMA):
        raise newer(projection, partition, schema)
    if not (epoch and log_partitions):
        return None
    try:
        return Checkpoint(
            projection,
            partition,
            recorded_offset(projection, partition, offset),
            int(epoch),
            LogIdentity(log_id, int(log_partitions)),
            owner,
            _condition(epoch, *left),
        )
    except ValueError as cause:
        raise damaged(projection, partition, cause) from cause


def _condition(epoch: str, state: str, reason: str, since: str, left_under: str) -> Condition:
    """The word of the last claim; of one that an older release made there is none."""
    if not state or left_under != epoch:
        return running()
    time = datetime.fromtimestamp(int(since) / 1000, UTC) if since else None
    return Condition(cast("State", state), reason, time)  # as a script wrote it


def read_if_legible(
    projection: str, partition: Partition, fields: Sequence[str]
) -> Checkpoint | None:
    """As `read`; None too where the fields are damaged."""
    try:
        return read(projection, partition, fields)
    except Misconfigured:
        return None
