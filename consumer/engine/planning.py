"""The plan of a reset, from what the stores and the log tell; it changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from consumer.engine.plan import Fate, Plan, Planned
from consumer.engine.rows import UNTOUCHED, Effect, Rows, is_same_log
from consumer.engine.standing import Book, View
from consumer.engine.targets import Target, aimed
from consumer.errors import Misconfigured, NewerRecord
from consumer.model.lag import Lag
from consumer.model.position import LogIdentity, Offset, Partition
from consumer.model.start import BEGINNING
from consumer.ports.event_log import EventLog


def planned(
    book: Book,
    view: View,
    log: EventLog,
    target: Target,
    *,
    words: str,
    only: Collection[Partition] = (),
    rows: Rows = UNTOUCHED,
) -> Plan:
    """The plan, for all partitions of the log or `only` some. Raises `Misconfigured` with all that is in
    the way, a line each, and what `EventLog` and `Rows` raise.
    """
    refuse_newer(book)
    afters = _aimed(view, log, target, only or view.ends.keys())
    effect = rows.effect(book, view, afters, from_beginning=target == BEGINNING and not only)
    befores = effect.places
    left_before, left_after = log.lag(befores), log.lag(afters)
    moves = (
        Planned(
            partition,
            befores.get(partition),
            after,
            _identity(view, book, effect, partition),
            _events(left_before.get(partition)),
            _events(left_after.get(partition)),
        )
        for partition, after in afters.items()
    )
    gone = _gone(book, view) if effect.fate is Fate.CLEARED else ()
    return Plan(
        book.projection, words, tuple(sorted([*moves, *gone], key=_place)), book, effect.fate
    )


def refuse_newer(book: Book) -> None:
    """Raises the `NewerRecord` of a checkpoint that a newer release wrote."""
    for cause in book.unreadable.values():
        if isinstance(cause, NewerRecord):
            raise cause


def _place(move: Planned) -> Partition:
    return move.partition


def _gone(book: Book, view: View) -> Iterator[Planned]:
    """Partitions that are read no longer, whose rows are cleared with the others: should they be read again,
    then from their beginning.
    """
    for partition, checkpoint in book.checkpoints.items():
        offset = checkpoint.offset
        if partition not in view.ends and offset is not None:
            yield Planned(partition, offset, offset.zero, checkpoint.log, None, None)


def _aimed(
    view: View, log: EventLog, target: Target, partitions: Collection[Partition]
) -> dict[Partition, Offset]:
    found: dict[Partition, Offset] = {}
    problems: list[str] = []
    for partition in partitions:
        if partition not in view.ends:
            problems.append(f"{partition} is not read: there are {_listed(view.ends)}")
            continue
        try:
            found[partition] = aimed(log, partition, target, view.ends[partition])
        except Misconfigured as cause:
            problems.append(str(cause))
    if problems:
        raise Misconfigured("\n".join(problems))
    return found


def _identity(view: View, book: Book, effect: Effect, partition: Partition) -> LogIdentity:
    """The log's; with as many partitions as the topic had when the projection first ran, where any record
    of the same log tells: by that number those are known that were added since, which are read from their
    beginning.
    """
    here = view.identities[partition.topic]
    recorded = [(each, checkpoint.log) for each, checkpoint in book.checkpoints.items()]
    recorded += [(each, seal.log) for each, seal in effect.seals.items()]
    known = [
        log for each, log in recorded if each.topic == partition.topic and is_same_log(log, here)
    ]
    ids = [log.id for log in known if log.id]
    return LogIdentity(
        here.id or next(iter(ids), ""),
        min((log.partitions for log in known), default=here.partitions),
    )


def _listed(partitions: Collection[Partition]) -> str:
    topics: dict[str, list[int]] = {}
    for partition in partitions:
        topics.setdefault(partition.topic, []).append(partition.number)
    return ", ".join(f"{topic}/0 to {topic}/{max(them)}" for topic, them in sorted(topics.items()))


def _events(lag: Lag | None) -> int | None:
    return None if lag is None else lag.events
