"""Doubles that record, for the floors that need no server."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import cast

import msgspec

from consumer.engine.applying import Applying
from consumer.engine.assignments import Assignments
from consumer.engine.awaiting import Loop
from consumer.engine.decoding import Decoding
from consumer.engine.guarding import Gaps, Guarding
from consumer.engine.retrying import Backoff
from consumer.engine.settling import Settling
from consumer.engine.transacting import transacting
from consumer.engine.upcasting import Upcasting
from consumer.engine.worker import Worker
from consumer.errors import Transient
from consumer.model.event import Batch, Event, undecodable
from consumer.model.facts import Fact
from consumer.model.position import Claim, IntOffset, LogIdentity, Offset, Partition
from consumer.model.record import Fetched, Record
from consumer.model.start import BEGINNING, Start
from consumer.model.table import Column, Kind, Table
from consumer.ports.codec import Codec
from consumer.ports.offset_store import OffsetStore
from consumer.ports.projector import Projector, TransactionalProjector
from consumer.ports.read_model import ReadModel, Transaction
from consumer.ports.source import Membership
from consumer.ports.upcaster import Upcaster

AT_ONCE = Backoff(initial=0.0, cap=0.0)


class Recorder:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def happened(self, fact: Fact) -> None:
        self.facts.append(fact)

    def verbs(self) -> list[str]:
        return [type(fact).__name__ for fact in self.facts]

    def of(self, kind: type[Fact]) -> list[Fact]:
        return [fact for fact in self.facts if type(fact) is kind]


class Folded:
    """A projector that remembers what it was given, and raises what a test tells it to."""

    name = "folded"
    handles: Collection[str] | None = None

    def __init__(self, *raises: Exception) -> None:
        self.batches: list[Batch] = []
        self.raises = list(raises)

    def apply(self, batch: Batch) -> None:
        if self.raises:
            raise self.raises.pop(0)
        self.batches.append(batch)

    @property
    def numbers(self) -> list[int]:
        return [event.decode(int) for batch in self.batches for event in batch]


#: What each partition's events were, one after the other, in one text; and how many there are in all.
CHAINS = Table("chains", (Column("place", Kind.TEXT), Column("seen", Kind.TEXT)), ("place",))
TOTALS = Table("totals", (Column("name", Kind.TEXT), Column("count", Kind.INTEGER)), ("name",))


class Chained:
    """A projector whose rows show what was lost, repeated, or came out of order; its total is shared by all partitions."""

    name = "chained"
    handles: Collection[str] | None = None
    tables = (CHAINS, TOTALS)
    read_models: Collection[str] | None = None

    def __init__(self, *raises: Exception) -> None:
        self.raises = list(raises)
        #: Called once, when the rows are loaded and not yet written.
        self.between: Callable[[], None] | None = None

    def prepare(self, transaction: Transaction) -> None:
        """There is nothing more to prepare."""

    def project(self, batch: Batch, transaction: Transaction) -> None:
        place = (str(batch.partition),)
        chain = transaction.load(CHAINS, [place]).get(place, (*place, ""))
        total = transaction.load(TOTALS, [("all",)]).get(("all",), ("all", 0))
        if self.raises:
            raise self.raises.pop(0)
        if self.between is not None:
            between, self.between = self.between, None
            between()
        seen = " ".join([chain[1], *(str(event.decode(int)) for event in batch)]).strip()
        transaction.write(CHAINS, [(*place, seen)])
        transaction.write(TOTALS, [("all", total[1] + len(batch))])

    def clear(self, transaction: Transaction) -> None:
        transaction.clear(CHAINS)
        transaction.clear(TOTALS)


class Numbers:
    """A codec: the value is an integer, type "Counted"; or [type, version, data], and if you like the
    sequence; or {"bundle": [...]} of such values; else undecodable.
    """

    def decode(self, record: Record) -> Event | list[Event]:
        try:
            value = json.loads(record.value or b"null")
        except ValueError as cause:
            raise undecodable(record.partition, record.offset, record.value, "no JSON") from cause
        if isinstance(value, dict):
            return [self._event(record, each) for each in value["bundle"]]
        return self._event(record, value)

    def _event(self, record: Record, value: object) -> Event:
        given = value if isinstance(value, list) else ["Counted", 1, value]
        type, version, data, *sequence = given
        return Event(
            str(record.offset),
            type,
            "a",
            record.partition,
            record.offset,
            msgspec.Raw(json.dumps(data).encode()),
            version=version,
            sequence=sequence[0] if sequence else None,
        )


class Asking(Numbers):
    """A codec that has to ask for what it needs to read a value: `away` are those it cannot ask for, each with how often."""

    def __init__(self, **away: int) -> None:
        self.away = {int(name.removeprefix("n")): times for name, times in away.items()}
        self.decoded: list[int] = []

    def decode(self, record: Record) -> Event:
        event = super().decode(record)
        number = event.decode(int)
        if self.away.get(number, 0):
            self.away[number] -= 1
            raise Transient("http://registry is away: look at it")
        self.decoded.append(number)
        return event


class ScriptedSource:
    """A source over lists of values, with the group's part played by the test."""

    def __init__(self, *partitions: Partition, batch_size: int = 3, log: str = "log") -> None:
        self.log = LogIdentity(log, len(partitions))
        self.values: dict[Partition, list[bytes]] = {partition: [] for partition in partitions}
        self.batch_size = batch_size
        self.firsts: list[Start] = []
        self.claims: dict[Partition, Claim] = {}
        self.position: dict[Partition, int] = {}
        self.mirrored: dict[Partition, Offset] = {}
        self.opened = self.closed = self.polls = 0
        self.disowned: set[Partition] = set()
        self.before_poll: Callable[[], None] = lambda: None
        self.membership: Membership | None = None
        self.assigned: set[Partition] = set()

    def add(self, partition: Partition, *values: object) -> None:
        self.values[partition] += [
            value if isinstance(value, bytes) else json.dumps(value).encode() for value in values
        ]

    def open(self, membership: Membership) -> None:
        self.opened += 1
        self.membership = membership
        self.assigned = set(self.values)

    def poll(self, paused: Collection[Partition], wait: float) -> Iterator[Fetched]:
        self.polls += 1
        self.before_poll()
        for partition in sorted(self.assigned - self.claims.keys()):
            self._claim(partition)
        for partition, claim in sorted(self.claims.items()):
            if partition not in paused and (fetched := self._fetch(partition, claim)):
                yield fetched

    def owns(self, partition: Partition) -> bool:
        return partition not in self.disowned

    def joined(self) -> bool:
        return self.polls > 0

    def mirror(self, partition: Partition, offset: Offset) -> None:
        self.mirrored[partition] = offset

    def close(self) -> None:
        self.closed += 1
        if self.membership is not None:
            self.revoke(*self.assigned)
            self.membership = None

    def revoke(self, *partitions: Partition) -> None:
        assert self.membership is not None
        self.membership.revoked(partitions)
        self._drop(partitions)

    def lose(self, *partitions: Partition) -> None:
        assert self.membership is not None
        self.membership.lost(partitions)
        self._drop(partitions)

    def is_at_end(self, partition: Partition) -> bool:
        at = self.position.get(partition, 0) if partition in self.claims else -1
        return at >= len(self.values[partition])

    def _drop(self, partitions: Sequence[Partition]) -> None:
        self.assigned -= set(partitions)
        for partition in partitions:
            self.claims.pop(partition, None)

    def _claim(self, partition: Partition) -> None:
        assert self.membership is not None
        claim = self.membership.claim(partition, self.log, self._first)
        if claim is not None:
            assert isinstance(claim.offset, IntOffset)
            self.claims[partition] = claim
            self.position[partition] = claim.offset.value + 1

    def _first(self, start: Start) -> Offset:
        self.firsts.append(start)
        return IntOffset(-1)

    def _fetch(self, partition: Partition, claim: Claim) -> Fetched | None:
        at = self.position[partition]
        values = self.values[partition][at : at + self.batch_size]
        if not values:
            return None
        self.position[partition] = at + len(values)
        records = [
            Record(partition, IntOffset(at + i), None, value) for i, value in enumerate(values)
        ]
        return Fetched(claim, records, records[-1].offset)


class Engine:
    """A whole worker on doubles, that runs until nothing is left to do."""

    def __init__(
        self,
        source: ScriptedSource,
        offsets: OffsetStore,
        projector: Projector | TransactionalProjector,
        *,
        read_model: ReadModel | None = None,
        start: Start = BEGINNING,
        upcasters: Sequence[Upcaster] = (),
        transient: tuple[type[Exception], ...] = (),
        skip_poison: bool = False,
        gaps: Gaps | None = None,
        codec: Codec | None = None,
    ) -> None:
        self.source, self.offsets = source, offsets
        self.seen = Recorder()
        self.loop = Loop()
        guarding = Guarding(projector.name, gaps=gaps, observer=self.seen) if gaps else None
        inside = transacting(projector, read_model, guarding)
        self.assignments = Assignments(
            projector.name,
            offsets,
            transacting=inside,
            owner="me",
            start=start,
            backoff=AT_ONCE,
            observer=self.seen,
        )
        self.applying = Applying(
            self.assignments,
            Decoding(
                codec or Numbers(),
                Upcasting(upcasters, projector.handles),
                projector.handles,
                skip_poison=skip_poison,
                keeps_others=guarding is not None,
                observer=self.seen,
            ),
            Settling(
                inside or cast(Projector, projector),
                loop=self.loop,
                in_transactions=inside is not None,
                transient=transient,
                skip_poison=skip_poison,
                observer=self.seen,
            ),
            owns=source.owns,
            mirror=source.mirror,
            backoff=AT_ONCE,
            observer=self.seen,
        )
        self.worker = Worker(
            source,
            self.assignments,
            self.applying,
            owner="me",
            backoff=AT_ONCE,
            observer=self.seen,
            finished=self._is_idle,
        )

    def run(self) -> Recorder:
        self.worker.run()
        return self.seen

    def _is_idle(self) -> bool:
        waiting = set(self.applying.paused()) - set(self.assignments.halted)
        return not waiting and all(
            partition in self.assignments.halted or self.source.is_at_end(partition)
            for partition in self.source.assigned
        )
