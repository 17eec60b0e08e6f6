"""Effectively once: a batch's rows and its offset in one transaction of the read model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

from consumer.engine.guarding import Guarding
from consumer.errors import Conflict, ConsumerError, Misconfigured, Transient
from consumer.model.causes import told
from consumer.model.event import Batch, Event
from consumer.model.position import Offset, Partition
from consumer.model.table import Table
from consumer.ports.projector import AnyProjector, TransactionalProjector
from consumer.ports.read_model import ReadModel, Transaction

#: How often a transaction is run again at once, before it waits like any other that failed. Somebody's
#: transaction went through each time, so it takes as many writers on one key to get there.
_AT_ONCE = 20


class Transacting:
    """A `Projector` that projects inside transactions, under the fence of each batch.

    Its `apply` takes a batch without events too, whose offset moves like any other.
    """

    def __init__(
        self,
        projector: TransactionalProjector,
        read_model: ReadModel,
        guarding: Guarding | None = None,
    ) -> None:
        self.name = projector.name
        self.handles = projector.handles
        self.read_model = read_model
        #: How many events of the last batch the projector was given.
        self.given = 0
        self._projector = projector
        self._guarding = guarding
        self._is_set_up = False

    @property
    def is_guarded(self) -> bool:
        """Whether batches must hold events of all types: each has a sequence, handled or not."""
        return self._guarding is not None

    @property
    def tables(self) -> Sequence[Table]:
        """The projector's, and our own beside them."""
        own = [] if self._guarding is None else [self._guarding.table]
        return [*self._projector.tables, *own]

    def setup(self) -> None:
        """Makes and checks the tables; once."""
        if not self._is_set_up:
            try:
                self.read_model.prepare(self.tables, self._prepare)
            except ConsumerError:
                raise
            except (
                Exception
            ) as cause:  # the projector's own, which a mended deployment may not raise again
                raise Transient(
                    f"{self.name} raised {told(cause)} while it was set up; mend the projector"
                ) from cause
            self._is_set_up = True

    def apply(self, batch: Batch) -> None:
        """Runs the transaction, and again where another writer came in between; raises what it raises."""
        for _ in range(_AT_ONCE):
            try:
                return self._transact(batch)
            except Conflict:
                continue
        return self._transact(batch)

    def clear(self, transaction: Transaction) -> None:
        """Deletes all that was ever written, the sequences too."""
        self._plainly(lambda: self._projector.clear(transaction), "clear")
        if self._guarding is not None:
            transaction.clear(self._guarding.table)

    def accept(self, places: Mapping[Partition, Offset], transaction: Transaction) -> None:
        """What is missing behind the events up to these places is no gap, where sequences are guarded."""
        if self._guarding is not None:
            self._guarding.accept(places, transaction)

    def _transact(self, batch: Batch) -> None:
        with self.read_model.transaction(batch.fence) as transaction:
            if not transaction.is_repeated:
                self._project(batch, transaction)
        if self._guarding is not None:
            self._guarding.settled(batch.fence)

    def _project(self, batch: Batch, transaction: Transaction) -> None:
        if self._guarding is not None:
            passed = self._guarding.passed(batch, transaction)
            batch = Batch(batch.partition, self._handled(passed), batch.fence)
        self.given = len(batch)
        if batch.events:
            self._plainly(lambda: self._projector.project(batch, transaction), "project")

    def _prepare(self, transaction: Transaction) -> None:
        self._plainly(lambda: self._projector.prepare(transaction), "prepare")

    def _plainly(self, call: Callable[[], object], method: str) -> None:
        """Refuses a coroutine: what nobody waits for would write nothing, and the offset would move."""
        returned = call()
        if isinstance(returned, Awaitable):
            if isinstance(returned, Coroutine):
                returned.close()  # it never began
            raise Misconfigured(
                f"{self.name}.{method} is a coroutine, and a transaction does not wait for one: make it a "
                "plain method"
            )

    def _handled(self, events: Sequence[Event]) -> Sequence[Event]:
        handles = self.handles
        return events if handles is None else [event for event in events if event.type in handles]


def transacting(
    projector: AnyProjector | TransactionalProjector,
    read_model: ReadModel | None,
    guarding: Guarding | None = None,
) -> Transacting | None:
    """The two together; None for a projector that writes by itself. `Misconfigured` where they do not go together."""
    refuse_mismatch(projector, None if read_model is None else read_model.kind)
    if isinstance(projector, TransactionalProjector) and read_model is not None:
        return Transacting(projector, read_model, guarding)
    return None


def refuse_mismatch(projector: AnyProjector | TransactionalProjector, kind: str | None) -> None:
    """Raises `Misconfigured` where a projector lacks a read model, or cannot write one of this `kind`."""
    if not isinstance(projector, TransactionalProjector):
        if kind is not None:
            raise Misconfigured(
                f"{projector.name} writes by itself, and to no read model of ours: leave it out, or make "
                "the projector a TableProjector, or one for a database"
            )
        return
    kinds = projector.read_models
    listed = "" if kinds is None else f" ({' or '.join(sorted(kinds))})"
    if kind is None:
        raise Misconfigured(f"{projector.name} keeps its rows in a read model{listed}: name one")
    if kinds is not None and kind not in kinds:
        raise Misconfigured(f"{projector.name} cannot write {kind}: it takes another one{listed}")
