"""The names under which operations and their errors are counted; go-sync-kit's own."""

from __future__ import annotations

from enum import StrEnum


class Operation(StrEnum):
    """What was done with events."""

    APPLY_SINCE = "apply_since"
    """Applied what the log holds behind the checkpoint."""

    APPLY_BATCH = "apply_batch"
    """Applied events that the caller gave."""


class ErrorType(StrEnum):
    """Which part of an operation failed."""

    APPLY = "apply_error"
    """The projector raised."""

    OFFSET = "offset_error"
    """The offset store: out of reach, the checkpoint lost, or fenced."""

    LOAD = "load_error"
    """The events: the log is out of reach, one cannot be decoded, or they were given out of order."""

    TIMEOUT = "timeout_error"
    """An apply took longer than it may."""

    CONTEXT = "context_error"
    """The caller cancelled it."""
