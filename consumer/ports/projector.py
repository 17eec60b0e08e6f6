"""The code that folds events into a read model."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol, runtime_checkable

from consumer.model.event import Batch
from consumer.model.table import Table
from consumer.ports.read_model import Transaction


class Handles(Protocol):
    """What every projector tells of itself."""

    @property
    def name(self) -> str:
        """A stable name, unique among your projections; projections.yaml may give another."""

    @property
    def handles(self) -> Collection[str] | None:
        """The types of event to be given; all others are skipped without decoding their data.

        None takes every type, in every schema version. A mapping says which schema version of each
        type `apply` understands; else it is the last that an upcaster makes, or 1.
        """


@runtime_checkable
class Projector(Handles, Protocol):
    """A read model's author implements this: apply events, in order, as often as they come.

    The engine promises at least once: a batch whose commit was lost comes again, so `apply` must be
    idempotent.
    """

    def apply(self, batch: Batch) -> None:
        """Folds the batch into the read model; when it returns, the effect must be durable.

        Called on the worker's one thread, for one partition at a time, in the order of offsets.
        Raise `Transient` when the store is out of reach. Anything else is the event's or the
        projector's fault, and is tried again with the same batch after a pause.
        """


@runtime_checkable
class AsyncProjector(Handles, Protocol):
    """A `Projector` whose `apply` is a coroutine; each worker has one event loop for it.

    Its `setup`, `reset` and `close` may be coroutines too, and run on the same loop.
    """

    async def apply(self, batch: Batch) -> None:
        """As `Projector.apply`; the worker waits for it before it goes on."""


@runtime_checkable
class TransactionalProjector(Handles, Protocol):
    """A projector whose rows and whose offset are written in one transaction of a read model: effectively once.

    The engine opens the transaction under the batch's fence, and commits it. What it reads and writes must
    go through the transaction, and nowhere else: `project` may be called again for the same batch.
    """

    @property
    def tables(self) -> Sequence[Table]:
        """The tables that are made and checked before the first batch."""

    @property
    def read_models(self) -> Collection[str] | None:
        """The kinds of read model that it can write, as in `ReadModel.kind`; None for all."""

    def prepare(self, transaction: Transaction) -> None:
        """Called once in each process, when the tables are there; must be safe to repeat and to race."""

    def project(self, batch: Batch, transaction: Transaction) -> None:
        """Folds the batch into the rows. Raises as `Projector.apply` may; then nothing is written."""

    def clear(self, transaction: Transaction) -> None:
        """Deletes all that `project` ever wrote, for a rebuild."""


@runtime_checkable
class SetsUp(Protocol):
    """A projector that prepares its read model; optional."""

    def setup(self) -> None:
        """Called once in each process, before the first batch; must be safe to repeat and to race."""


@runtime_checkable
class Resets(Protocol):
    """A projector that can empty its read model; optional."""

    def reset(self) -> None:
        """Empties the read model, for a rebuild while no worker runs; afterwards it is as new."""


@runtime_checkable
class Closes(Protocol):
    """A projector that holds connections; optional."""

    def close(self) -> None:
        """Called once, after the last batch; must be safe to call twice."""


#: Those that write by themselves; the engine tells them apart by what `apply` returns.
AnyProjector = Projector | AsyncProjector
