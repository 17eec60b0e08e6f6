"""One line of log for each thing that happens, without payloads and secrets."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal, TextIO

import msgspec
import structlog

from consumer.errors import Poison, SequenceGap, Undecodable
from consumer.model.causes import told
from consumer.model.facts import (
    Applied,
    Delayed,
    Fact,
    Gapped,
    Halted,
    Lagged,
    Rejoining,
    Skipped,
    Stopped,
    Unclaimed,
    Unmeasured,
    Unmirrored,
    Waiting,
)

Format = Literal["auto", "console", "json"]

#: Clients that tell each request of theirs; what comes of it we tell. Under either name, as Python's clients of
#: HTTP are on their way to a new one.
_TALKATIVE = ("httpx", "httpx2", "httpcore", "httpcore2")

#: How loud a fact is; those not named here are information.
_LEVELS: dict[type[Fact], int] = {
    Applied: logging.DEBUG,  # many a second; the others are few
    Lagged: logging.DEBUG,
    Waiting: logging.WARNING,
    Unclaimed: logging.WARNING,
    Delayed: logging.WARNING,
    Rejoining: logging.WARNING,
    Unmeasured: logging.WARNING,
    Unmirrored: logging.WARNING,
    Gapped: logging.WARNING,
    Skipped: logging.ERROR,
    Halted: logging.ERROR,
}
#: What a person can do about an event that cannot be read; other causes of a halt say it themselves.
_NEXT = (
    "deploy a codec, projector or upcaster that reads it and restart, or set on_undecodable: skip"
)
#: To skip what another codec would read is to lose a topic.
_IS_IT_THIS = "see that source.codec is the one of this topic; then "
#: For who wonders where the rows are: a type that is spelt otherwise is no error.
_NONE_HANDLED = (
    "none of {} records held an event of a type that the projector handles: are its types those that the "
    "source's codec gives?"
)


class Logs:
    """An observer that logs each fact of a projection under its verb, with its fields."""

    def __init__(self, projection: str) -> None:
        self._log = structlog.stdlib.get_logger("projections").bind(projection=projection)
        self._events: Counter[str] = Counter(applied=0, skipped=0)
        self._records = 0

    def happened(self, fact: Fact) -> None:
        """Logs the fact, if its level is wanted; the last line counts the events of this run."""
        kind = type(fact)
        self._count(fact)
        level = _LEVELS.get(kind, logging.INFO)
        if self._log.isEnabledFor(level):
            fields = {name: _plain(getattr(fact, name)) for name in msgspec.structs.asdict(fact)}
            if isinstance(fact, Halted) and _is_unreadable(fact.cause):
                first = _IS_IT_THIS if isinstance(fact.cause, Undecodable) else ""
                fields["next"] = first + _NEXT
            if kind is Stopped:
                fields |= self._totals()
            self._log.log(level, kind.__name__.lower(), **fields)

    def _totals(self) -> dict[str, Any]:
        if self._records and not any(self._events.values()):
            return {**self._events, "next": _NONE_HANDLED.format(self._records)}
        return dict(self._events)

    def _count(self, fact: Fact) -> None:
        if isinstance(fact, Applied):
            self._events["applied"] += fact.events
            self._records += fact.records
        elif isinstance(fact, Skipped):
            self._events["skipped"] += 1


def _is_unreadable(cause: BaseException) -> bool:
    return isinstance(cause, Poison) and not isinstance(cause, SequenceGap)


def listening(projection: str, host: str, port: int) -> None:
    """Logs where a worker of the projection serves its metrics and probes."""
    structlog.stdlib.get_logger("projections").info(
        "listening", projection=projection, host=host, port=port
    )


def configure(
    format: Format = "auto", level: str = "info", *, stream: TextIO | None = None
) -> None:
    """Sends our own lines, and those of all libraries, to `stream` (standard error).

    `auto` is for people on a terminal, and one JSON object a line anywhere else.
    """
    stream = stream or sys.stderr
    console = format == "console" or (format == "auto" and stream.isatty())
    first: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if console else "iso", utc=not console),
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=stream.isatty(), sort_keys=False)]
        if console
        else [structlog.processors.format_exc_info, _headed, structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*first, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*first, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _headed(_logger: Any, _method: str, fields: structlog.typing.EventDict) -> dict[str, Any]:
    """With what every line has in front, for people who read JSON too."""
    time, level, event = (fields.pop(name) for name in ("timestamp", "level", "event"))
    return {"time": time, "level": level, "event": event, **fields}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return round(value, 6) if isinstance(value, float) else value
    if isinstance(value, Mapping):  # of lags, by partition
        return {str(partition): lag.events for partition, lag in value.items()}
    return told(value) if isinstance(value, BaseException) else str(value)
