"""Which offset a partition stands at, if its events are to be read again from some place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from consumer.errors import Misconfigured
from consumer.model.position import Offset, Partition, StreamOffset
from consumer.model.start import BEGINNING, Start
from consumer.ports.event_log import EventLog

#: Where to read from: a place of the log, or the first event to be read.
Target = Start | Offset

#: How many events are looked at in one go, to find the first behind an id.
_AT_ONCE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def aimed(log: EventLog, partition: Partition, target: Target, end: Offset) -> Offset:
    """The offset of the last event *not* to be read. `end` is the partition's.

    Raises `Misconfigured` where the log does not hold the target, with what it holds.
    """
    if isinstance(target, Start):
        return log.before(partition, target)
    if type(target) is not type(end):
        example = "1526919030474-0" if isinstance(end, StreamOffset) else "42"
        raise Misconfigured(f"{partition} has no offsets like {target}: write one as in {example}")
    start, through = log.before(partition, BEGINNING), target.previous
    if not start <= through <= end:
        holds = "no event" if start == end else f"{start.next} to {end}"
        raise Misconfigured(f"{target} is not in {partition}: it holds {holds}; next is {end.next}")
    if isinstance(target, StreamOffset):
        return _below_entry(log, partition, target, end)
    return through


def _below_entry(log: EventLog, partition: Partition, target: StreamOffset, end: Offset) -> Offset:
    """Right below the first entry at or behind the target: a worker could not tell of any other id
    whether entries behind it were trimmed.
    """
    after = log.before(partition, _just_before(target))
    while events := log.read(partition, after, _AT_ONCE):
        for event in events:
            if event.offset >= target:
                return event.offset.previous
        after = events[-1].offset
    return end


def _just_before(target: StreamOffset) -> Start:
    try:
        time = _EPOCH + timedelta(milliseconds=target.milliseconds - 1)
    except OverflowError:  # an id of one's own making, which is no time
        return BEGINNING
    return Start("time", time=time)
