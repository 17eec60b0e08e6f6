"""One attempt: apply what is in hand, then commit it."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext

from consumer.engine.awaiting import Loop
from consumer.engine.limiting import Limit
from consumer.engine.transacting import Transacting
from consumer.engine.work import Work
from consumer.errors import ApplyFailed, ConsumerError, Poison, SequenceGap, Transient
from consumer.model.event import Batch
from consumer.model.facts import Skipped
from consumer.model.operations import ErrorType
from consumer.ports.observer import Observer
from consumer.ports.projector import AnyProjector, SetsUp


class Settling:
    """Applies before it commits; the one place that calls `Projector.apply`."""

    def __init__(
        self,
        projector: AnyProjector,
        *,
        loop: Loop,
        in_transactions: bool = False,
        transient: tuple[type[Exception], ...] = (),
        skip_poison: bool = False,
        limit: Limit | None = None,
        observer: Observer,
    ) -> None:
        self._projector = projector
        self._loop = loop
        self._is_set_up = not isinstance(projector, SetsUp)
        #: Whether the projector moves an offset of its own with each batch, also with one without events.
        self._in_transactions = in_transactions
        #: Types that a projector may raise in place of `Transient`.
        self._transient = transient
        self._skip_poison = skip_poison
        self._limit = limit
        self._observer = observer

    def settle(self, work: Work) -> None:
        """As `attempt`, as often as it takes."""
        while not self.attempt(work):
            pass

    def attempt(self, work: Work) -> bool:
        """Applies the events, unless an earlier attempt did, and moves the checkpoint.

        At most one apply a call, so that whoever has to can poll in between: False where the projector found
        an event that it cannot read; that one is put aside, and the others are to be attempted again.
        Raises `Transient` or `ApplyFailed` for the projector, and what `OffsetStore.commit` raises.
        """
        is_for_projector = bool(work.events) or self._in_transactions
        if is_for_projector and not work.applied and not self._is_applied(work):
            return False
        began = time.monotonic()
        work.at = ErrorType.OFFSET
        work.holding.advance(work.through)
        work.commit_seconds = time.monotonic() - began
        return True

    def _is_applied(self, work: Work) -> bool:
        """Applies the events as they are now."""
        began = time.monotonic()
        work.at = ErrorType.APPLY
        try:
            self._apply(work.batch)
        except ApplyFailed:
            raise
        except Poison as poison:
            self._put_aside(work, poison)
        else:
            work.applied = True
            if isinstance(self._projector, Transacting):
                work.given = self._projector.given
        work.apply_seconds = time.monotonic() - began
        return work.applied

    def _apply(self, batch: Batch) -> None:
        try:
            with self._watching(batch):
                self._set_up()
                self._loop.wait(self._projector.apply(batch))
        except ConsumerError:
            raise
        except self._transient as cause:
            raise Transient(f"{self._projector.name} raised {type(cause).__name__}") from cause
        except Exception as cause:
            # Not its text, which may quote an event; who may read that finds it in the chain.
            why = (
                f"{self._projector.name} raised {type(cause).__name__} for the events from here to "
                f"{batch.fence.offset}; mend the projector, they are applied again"
            )
            raise ApplyFailed(batch.partition, batch.first, why) from cause

    def _watching(self, batch: Batch) -> AbstractContextManager[None]:
        return nullcontext() if self._limit is None else self._limit.watching(batch)

    def _set_up(self) -> None:
        """With the first batch, so that a store that is away at the start is waited for like any other."""
        if not self._is_set_up and isinstance(self._projector, SetsUp):
            self._loop.wait(self._projector.setup())
            self._is_set_up = True

    def _put_aside(self, work: Work, poison: Poison) -> None:
        """What only the projector, or its guard, could find out: an event is not what it should be."""
        if not work.holds(poison):
            raise poison
        if self._skip_poison and not isinstance(poison, SequenceGap):
            work.without(poison)
            self._observer.happened(Skipped(work.holding.partition, poison.offset, poison))
        else:
            work.stop_before(poison)
