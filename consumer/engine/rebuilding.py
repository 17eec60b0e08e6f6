"""A reset of a projection whose rows are in a read model: they are cleared, or kept, so that no event counts twice."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence

from consumer.engine.guarding import sequences_table
from consumer.engine.plan import Fate, Plan, Planned
from consumer.engine.rows import Effect, behind, chosen, is_same_log
from consumer.engine.standing import Book, View
from consumer.engine.transacting import Transacting
from consumer.errors import Misconfigured
from consumer.model.position import Claim, Fence, Offset, Partition
from consumer.model.seal import Seal
from consumer.model.table import Table


class InReadModel:
    """The rows in a read model of ours, whose offset is the truth.

    They are cleared together with all offsets, or kept while offsets move on: anything else would count an
    event twice. Killed anywhere, the rows and the read model's offsets belong together.
    """

    def __init__(self, projection: str, transacting: Transacting) -> None:
        self._projection = projection
        self._transacting = transacting
        self._read_model = transacting.read_model
        #: Tables that are cleared with the rows, beside those of `transacting`.
        self._left_over: Sequence[Table] = ()

    def effect(
        self, book: Book, view: View, afters: Mapping[Partition, Offset], *, from_beginning: bool
    ) -> Effect:
        """As `Rows.effect`."""
        seals = {each: seal for each in afters if (seal := self._sealed(each)) is not None}
        foreign = {
            each for each in seals if not is_same_log(seals[each].log, view.identities[each.topic])
        }
        # A read model that lost what it had, or is new to the projection: as far as the checkpoint is, so
        # that nothing is taken for unread.
        known = dict(chosen(book.offsets(view), afters))
        known |= {each: seal.offset for each, seal in seals.items() if seal.offset is not None}
        foreign |= {each for each in known if type(known[each]) is not type(afters[each])}
        places = {each: offset for each, offset in known.items() if each not in foreign}
        again = behind(places, afters)
        if from_beginning:
            # Sealed, and without an offset: that is left of a reset that was interrupted.
            halfway = [each for each, seal in seals.items() if seal.offset is None]
            fate = Fate.CLEARED if again or foreign or halfway else Fate.KEPT
        elif problems := [*_twice(places, afters, again), *_of_another_log(foreign)]:
            raise Misconfigured("\n".join(problems))
        else:
            fate = Fate.KEPT
        return Effect(places, fate, seals)

    def prepare(self, plan: Plan) -> None:
        """Makes and checks the tables."""
        self._transacting.setup()
        if plan.fate is Fate.CLEARED and not self._transacting.is_guarded:
            self._left_over = self._unguarded_sequences()

    def floor(self, partition: Partition) -> int | None:
        """The sealed epoch."""
        seal = self._sealed(partition)
        return None if seal is None else seal.epoch

    def taken(
        self, plan: Plan, claims: Mapping[Partition, Claim]
    ) -> Mapping[Partition, Offset | None]:
        """Seals what moves on, so that nobody writes between here and there; what is cleared is sealed then."""
        befores: dict[Partition, Offset | None] = {}
        for move in plan.moves:
            seal = self._sealed(move.partition)
            if plan.fate is Fate.KEPT and (seal is None or seal.offset != move.after):
                seal = self._read_model.seal(self._claim(claims, move.partition), move.log)
                _refuse_progress(plan, move, seal.offset)
            befores[move.partition] = None if seal is None else seal.offset
        return befores

    def moved(self, plan: Plan, claims: Mapping[Partition, Claim]) -> None:
        """As `Rows.moved`."""
        if plan.fate is Fate.CLEARED:
            self._clear(plan, claims)
        else:
            self._move_on(plan, claims)

    def _clear(self, plan: Plan, claims: Mapping[Partition, Claim]) -> None:
        """One epoch above our claims: a worker that claims before the checkpoints moved sees that its offset is
        not to be believed.
        """
        seals = {
            move.partition: Seal(
                self._claim(claims, move.partition).epoch + 1, "", move.log, move.after
            )
            for move in plan.moves
        }
        with self._read_model.reset(self._projection, seals) as transaction:
            self._transacting.clear(transaction)
            for table in self._left_over:
                transaction.clear(table)

    def _unguarded_sequences(self) -> Sequence[Table]:
        """Those that a guard left which is off now: they go with the rows, or would be believed once it is on again."""
        table = sequences_table(self._projection)
        try:
            self._read_model.prepare([table], lambda transaction: None)
        except Misconfigured:  # it is not there, and nobody but a DBA makes it
            return ()
        return (table,)

    def _move_on(self, plan: Plan, claims: Mapping[Partition, Claim]) -> None:
        """What moves on moves at once, or nothing does; only then begins what had no offset yet."""
        fences: list[Fence] = []
        begins: list[tuple[Claim, Offset]] = []
        stays: dict[Partition, Offset] = {}
        for move in plan.moves:
            before = self._sealed(move.partition)
            if before is not None and before.offset == move.after:
                # Left as it is, for it may be the seal of a reset that was killed.
                stays[move.partition] = move.after
                continue
            claim = self._claim(claims, move.partition)
            seal = self._read_model.seal(claim, move.log)  # the same again is the same
            if seal.offset is None:
                begins.append((claim, move.after))
            else:
                fences.append(
                    Fence(self._projection, move.partition, claim.epoch, seal.offset, move.after)
                )
        self._pass_over(fences, stays)
        for claim, offset in begins:
            self._read_model.begin(claim, offset)

    def _pass_over(self, fences: Sequence[Fence], stays: Mapping[Partition, Offset]) -> None:
        """Moves the offsets; the rows stay. What is passed over is no gap from the same moment on."""
        places = {**stays, **{fence.partition: fence.offset for fence in fences}}
        if fences:
            with self._read_model.transaction(*fences) as transaction:
                if not transaction.is_repeated:
                    self._transacting.accept(places, transaction)
        elif places:
            self._read_model.prepare([], lambda found: self._transacting.accept(places, found))

    def _claim(self, claims: Mapping[Partition, Claim], partition: Partition) -> Claim:
        """Ours; or one as good as that, where the checkpoint's record is damaged and could not be claimed."""
        if partition in claims:
            return claims[partition]
        seal = self._sealed(partition)
        epoch = 1 if seal is None else seal.epoch + 1
        return Claim(self._projection, partition, epoch, uuid.uuid4().hex, None)

    def _sealed(self, partition: Partition) -> Seal | None:
        return self._read_model.sealed(self._projection, partition)


def _refuse_progress(plan: Plan, move: Planned, stands: Offset | None) -> None:
    if stands is not None and move.after < stands:
        raise Misconfigured(
            f"{plan.projection} has come to {stands.next} in {move.partition} since this was planned, so "
            "nothing was moved: type the same again"
        )


_REBUILD = "To rebuild the read model, use --to-earliest, without --partition"


def _twice(
    places: Mapping[Partition, Offset],
    afters: Mapping[Partition, Offset],
    again: Collection[Partition],
) -> list[str]:
    return [
        f"{each}: the read model holds the events before {places[each].next}, so those from "
        f"{afters[each].next} on would count twice. {_REBUILD}; to pass events over, name "
        f"{places[each].next} or a later one"
        for each in again
    ]


def _of_another_log(foreign: Collection[Partition]) -> list[str]:
    return [
        f"{each}: the read model was made from another log of this name, so nobody can tell which events "
        f"it holds. {_REBUILD}"
        for each in sorted(foreign)
    ]
