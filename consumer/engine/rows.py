"""What a reset of offsets does to a read model, whoever keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from consumer.engine.awaiting import Loop
from consumer.engine.plan import Fate, Plan
from consumer.engine.standing import Book, View
from consumer.errors import ConsumerError, Misconfigured
from consumer.model.position import Claim, LogIdentity, Offset, Partition
from consumer.model.seal import Seal
from consumer.ports.projector import AnyProjector, SetsUp


class Effect(msgspec.Struct, frozen=True):
    """What a reset will mean to the rows."""

    #: How far each partition has come, on this log.
    places: Mapping[Partition, Offset]
    fate: Fate
    #: What the read model holds of the partitions, where it is one that knows.
    seals: Mapping[Partition, Seal] = {}


class Rows(Protocol):
    """A read model, as a reset sees it. Raises as the store does."""

    def effect(
        self, book: Book, view: View, afters: Mapping[Partition, Offset], *, from_beginning: bool
    ) -> Effect:
        """What the moves will mean; `from_beginning` if all is to be read again. Changes nothing.

        Raises `Misconfigured`, a line for each partition, where events would count twice, or not at all.
        """

    def prepare(self, plan: Plan) -> None:
        """Called first, before any claim."""

    def floor(self, partition: Partition) -> int | None:
        """Above which epoch the partition is to be claimed; None for any."""

    def taken(
        self, plan: Plan, claims: Mapping[Partition, Claim]
    ) -> Mapping[Partition, Offset | None]:
        """Called under the claims: where the partitions stand. From here on nobody else writes."""

    def moved(self, plan: Plan, claims: Mapping[Partition, Claim]) -> None:
        """Does what the plan says; called before the checkpoints move. `Fenced`, and nothing, where
        somebody claimed a partition since.
        """


class Untouched:
    """The rows of a projector that writes by itself, and leaves emptying to others."""

    def effect(
        self, book: Book, view: View, afters: Mapping[Partition, Offset], *, from_beginning: bool
    ) -> Effect:
        """As `Rows.effect`."""
        return Effect(chosen(book.offsets(view), afters), Fate.UNTOUCHED)

    def prepare(self, plan: Plan) -> None:
        """There is nothing to prepare."""

    def floor(self, partition: Partition) -> int | None:
        """None."""
        return None

    def taken(
        self, plan: Plan, claims: Mapping[Partition, Claim]
    ) -> Mapping[Partition, Offset | None]:
        """The claims' offsets."""
        return {partition: claim.offset for partition, claim in claims.items()}

    def moved(self, plan: Plan, claims: Mapping[Partition, Claim]) -> None:
        """Does nothing."""


UNTOUCHED = Untouched()


class EmptiedByProjector(Untouched):
    """The rows of a projector that writes by itself, and can empty its read model."""

    def __init__(self, projector: AnyProjector, loop: Loop) -> None:
        self._projector = projector
        self._loop = loop

    def effect(
        self, book: Book, view: View, afters: Mapping[Partition, Offset], *, from_beginning: bool
    ) -> Effect:
        """Emptied where something is read again, and all of it."""
        places = chosen(book.offsets(view), afters)
        elsewhere = [each for each in afters if each in book.checkpoints and each not in places]
        again = elsewhere or behind(places, afters)
        return Effect(places, Fate.EMPTIED if from_beginning and again else Fate.UNTOUCHED)

    def moved(self, plan: Plan, claims: Mapping[Partition, Claim]) -> None:
        """Empties it; raises `Misconfigured` for whatever the projector raises."""
        if plan.fate is not Fate.EMPTIED:
            return
        projector: Any = self._projector  # whose methods may be coroutines
        try:
            if isinstance(self._projector, SetsUp):
                self._loop.wait(projector.setup())
            self._loop.wait(projector.reset())
        except ConsumerError:
            raise
        except Exception as cause:
            raise Misconfigured(
                f"{plan.projection}: {type(projector).__name__}.reset raised {type(cause).__name__}, so no "
                "checkpoint was moved. Mend it, and type the same again before a worker starts"
            ) from cause


def is_same_log(known: LogIdentity, here: LogIdentity) -> bool:
    """Whether they are the same log, as far as is known."""
    return not known.id or not here.id or known.id == here.id


def chosen(
    offsets: Mapping[Partition, Offset], afters: Mapping[Partition, Offset]
) -> dict[Partition, Offset]:
    """The offsets of those partitions that are to move."""
    return {each: offset for each, offset in offsets.items() if each in afters}


def behind(
    places: Mapping[Partition, Offset], afters: Mapping[Partition, Offset]
) -> list[Partition]:
    """The partitions that are to move to before where they stand."""
    return [each for each, place in sorted(places.items()) if afters[each] < place]
