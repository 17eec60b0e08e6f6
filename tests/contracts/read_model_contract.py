"""What every `ReadModel` must do, as tests to inherit.

Write a store of your own, then a test class that opens one:

    class TestMyReadModel(ReadModelContract):
        @pytest.fixture
        def open_model(self, tmp_path):     # each call: another connection to the same, new and empty store
            return lambda: MyReadModel(...)

`ReadModelContract` is for a store that lives and dies with its object: there each call may give the same
one. `DurableReadModelContract` is for those that outlive it. What the columns hold has a suite of its own,
`read_model_values_contract.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, TypeVar

import pytest

from consumer.engine.transacting import Transacting
from consumer.errors import (
    AnotherLog,
    Closed,
    Conflict,
    Fenced,
    Misconfigured,
    RowRefused,
    Transient,
)
from consumer.model.event import Batch, Event
from consumer.model.position import (
    Claim,
    Fence,
    IntOffset,
    LogIdentity,
    Offset,
    Partition,
    StreamOffset,
)
from consumer.model.seal import Seal
from consumer.model.table import Column, Key, Kind, Row, Table
from consumer.ports.read_model import ReadModel, Transaction

LOG = LogIdentity("cluster/topic", 12)
ORDERS = Partition("orders", 3)
OTHER = Partition("orders", 4)

ACCOUNTS = Table(
    "accounts",
    (Column("id", Kind.TEXT), Column("count", Kind.INTEGER), Column("note", Kind.TEXT, True)),
    key=("id",),
    indexes=(("count",), ("note", "count")),
)
#: Its key stands in another order than its columns.
ROOMS = Table(
    "rooms",
    (Column("size", Kind.INTEGER), Column("floor", Kind.INTEGER), Column("hotel", Kind.TEXT)),
    key=("hotel", "floor"),
)


def at(value: int) -> IntOffset:
    return IntOffset(value)


def claim(
    epoch: int = 1, token: str = "", partition: Partition = ORDERS, projection: str = "customers"
) -> Claim:
    return Claim(projection, partition, epoch, token or f"token-{epoch}", None)


def fence(
    expected: Offset | int,
    offset: Offset | int,
    epoch: int = 1,
    partition: Partition = ORDERS,
    projection: str = "customers",
) -> Fence:
    before, after = (at(place) if isinstance(place, int) else place for place in (expected, offset))
    return Fence(projection, partition, epoch, before, after)


def begun(
    model: ReadModel,
    offset: Offset | int = -1,
    epoch: int = 1,
    partition: Partition = ORDERS,
    projection: str = "customers",
) -> Claim:
    """Takes a partition on which nothing was recorded, and begins at the offset."""
    taken = claim(epoch, "", partition, projection)
    model.seal(taken, LOG)
    model.begin(taken, at(offset) if isinstance(offset, int) else offset)
    return taken


def offset_in(
    model: ReadModel, partition: Partition = ORDERS, projection: str = "customers"
) -> Offset | None:
    seal = model.sealed(projection, partition)
    assert seal is not None
    return seal.offset


def rows(model: ReadModel, table: Table, keys: Iterable[Key]) -> dict[Key, Row]:
    """The rows with these keys, read in no projection's name."""
    found: dict[Key, Row] = {}

    def load(transaction: Transaction) -> None:
        found.update(transaction.load(table, list(keys)))

    model.prepare([], load)
    return found


def row(model: ReadModel, *key: object, table: Table = ACCOUNTS) -> Row | None:
    return rows(model, table, [key]).get(key)


def write(model: ReadModel, within: Fence, *given: Row, table: Table = ACCOUNTS) -> None:
    with model.transaction(within) as transaction:
        if not transaction.is_repeated:
            transaction.write(table, given)


T = TypeVar("T")


class Oops(Exception):
    """What a projector raises."""


class Adding:
    """A projector that adds 1 to a row for each event, as one with a row type does."""

    name = "adding"
    handles: Sequence[str] | None = None
    tables: Sequence[Table] = (ACCOUNTS,)
    read_models: Sequence[str] | None = None

    def prepare(self, transaction: Transaction) -> None:
        pass

    def project(self, batch: Batch, transaction: Transaction) -> None:
        keys = sorted({(event.aggregate_id,) for event in batch})
        counts = {key: found[1] for key, found in transaction.load(ACCOUNTS, keys).items()}
        self.loaded()
        for event in batch:
            key = (event.aggregate_id,)
            counts[key] = counts.get(key, 0) + 1
        transaction.write(ACCOUNTS, [(*key, counts[key], None) for key in keys])

    def loaded(self) -> None:
        """Called between load and write."""

    def clear(self, transaction: Transaction) -> None:
        transaction.clear(ACCOUNTS)


def until_it_goes_through(call: Callable[[], T]) -> T:
    """As the engine does: a conflict, or a lock that somebody held for too long, is tried again."""
    while True:
        try:
            return call()
        except Transient:
            continue


def batch(within: Fence, ids: Sequence[str]) -> Batch:
    events = [
        Event(f"e{number}", "added", name, within.partition, within.offset)
        for number, name in enumerate(ids)
    ]
    return Batch(within.partition, events, within)


class ReadModelContract:
    """A store, and the workers that share it."""

    #: Whether a table remembers which columns it was made with.
    checks_columns: ClassVar[bool] = True
    #: Whether `seal` waits for a transaction under way, instead of winning over it.
    seal_waits: ClassVar[bool] = False
    #: Whether what raises within a reset leaves all as it was (else: nobody may write).
    resets_at_once: ClassVar[bool] = True

    @pytest.fixture
    def open_model(self) -> Callable[[], ReadModel]:
        raise NotImplementedError(
            "override the fixture `open_model` with a function that opens another connection to your "
            "store, which is empty at first"
        )

    @pytest.fixture
    def opened(self, open_model: Callable[[], ReadModel]) -> Iterator[Callable[[], ReadModel]]:
        """Opens connections that are closed at the end."""
        models: list[ReadModel] = []

        def opening() -> ReadModel:
            models.append(open_model())
            return models[-1]

        yield opening
        for model in models:
            model.close()

    @pytest.fixture
    def model(self, opened: Callable[[], ReadModel]) -> ReadModel:
        model = opened()
        model.prepare([ACCOUNTS, ROOMS], lambda transaction: None)
        return model

    @pytest.fixture
    def other(self, model: ReadModel, opened: Callable[[], ReadModel]) -> ReadModel:
        """The same store through a connection of its own, as another process has it."""
        other = opened()
        other.prepare([ACCOUNTS, ROOMS], lambda transaction: None)
        return other

    # --- prepare ---

    def test_tables_are_prepared_again_and_again_and_keep_their_rows(
        self, model: ReadModel, other: ReadModel
    ) -> None:
        begun(model)
        write(model, fence(-1, 1), ("a", 1, None))
        for each in (model, other, model):
            each.prepare([ACCOUNTS, ROOMS], lambda transaction: None)

        assert row(model, "a") == row(other, "a") == ("a", 1, None)

    def test_what_is_also_to_be_done_finds_the_tables_and_is_done(
        self, opened: Callable[[], ReadModel]
    ) -> None:
        model = opened()
        model.prepare([ACCOUNTS], lambda transaction: transaction.write(ACCOUNTS, [("a", 1, None)]))

        assert row(model, "a") == ("a", 1, None)

    def test_what_raises_while_it_prepares_writes_nothing(self, model: ReadModel) -> None:
        def also(transaction: Transaction) -> None:
            transaction.write(ACCOUNTS, [("a", 1, None)])
            raise Oops

        with pytest.raises(Oops):
            model.prepare([ACCOUNTS], also)

        assert row(model, "a") is None

    def test_those_who_prepare_at_once_all_get_there(self, opened: Callable[[], ReadModel]) -> None:
        ready = threading.Barrier(4)

        def also(transaction: Transaction) -> None:
            found = transaction.load(ACCOUNTS, [("a",)])
            transaction.write(ACCOUNTS, [found.get(("a",), ("a", 1, None))])

        def prepare(number: int) -> None:
            ready.wait()
            opened().prepare([ACCOUNTS, ROOMS], also)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(prepare, range(4)))

        assert row(opened(), "a") == ("a", 1, None)

    @pytest.mark.parametrize(
        ("columns", "key", "differ"),
        [
            ({"count": None}, ("id",), ["count"]),
            ({"count": Column("count", Kind.TEXT)}, ("id",), ["count"]),
            ({"count": Column("count", Kind.INTEGER, array=True)}, ("id",), ["count"]),
            ({"note": Column("note", Kind.TEXT)}, ("id",), ["note"]),
            ({"more": Column("more", Kind.TEXT)}, ("id",), ["more"]),
            ({"more": Column("more", Kind.TEXT, nullable=True)}, ("id",), ["more"]),
            ({"count": None, "note": Column("note", Kind.UUID)}, ("id",), ["count", "note"]),
            ({}, ("count",), ["id", "count"]),
            ({}, ("count", "id"), ["id", "count"]),
        ],
    )
    def test_a_table_of_other_columns_is_refused_with_all_in_which_it_differs(
        self,
        model: ReadModel,
        other: ReadModel,
        columns: Mapping[str, Column | None],
        key: tuple[str, ...],
        differ: Sequence[str],
    ) -> None:
        if not self.checks_columns:
            pytest.skip("the store keeps rows of any columns in a table")
        begun(model)
        write(model, fence(-1, 1), ("a", 1, None))
        changed = {**ACCOUNTS.by_name, **columns}
        table = Table("accounts", tuple(column for column in changed.values() if column), key)

        with pytest.raises(Misconfigured, match="accounts") as refusal:
            other.prepare([table], lambda transaction: transaction.clear(table))

        for name in differ:
            assert name in str(refusal.value)
        assert row(model, "a") == ("a", 1, None)
        other.prepare([ACCOUNTS], lambda transaction: None)

    # --- sealed, seal, begin ---

    def test_where_a_projection_never_ran_nothing_is_sealed(self, model: ReadModel) -> None:
        begun(model, partition=OTHER)

        assert model.sealed("customers", ORDERS) is None
        assert model.sealed("others", OTHER) is None

    def test_what_cannot_name_a_projection_is_refused(self, model: ReadModel) -> None:
        with pytest.raises(Misconfigured, match="name a projection"):
            model.sealed("no:name", ORDERS)

    def test_a_seal_is_recorded_for_everybody(self, model: ReadModel, other: ReadModel) -> None:
        seal = model.seal(claim(7, "mine"), LOG)

        assert seal == Seal(7, "mine", LOG, None)
        assert model.sealed("customers", ORDERS) == other.sealed("customers", ORDERS) == seal

    @pytest.mark.parametrize(
        "offset",
        [at(-1), at(0), at(2**63 - 1), StreamOffset(0, 0), StreamOffset(1526919030474, 2**64 - 1)],
    )
    def test_offsets_of_both_kinds_and_the_largest_epochs_stay_exact(
        self, model: ReadModel, other: ReadModel, offset: Offset
    ) -> None:
        begun(model, offset, epoch=2**52 + 1)
        expected = Seal(2**52 + 1, f"token-{2**52 + 1}", LOG, offset)
        assert other.sealed("customers", ORDERS) == expected

        write(model, fence(offset, offset.next, 2**52 + 1), ("a", 1, None))
        assert offset_in(other) == offset.next

    def test_topics_and_names_of_any_characters_are_kept_apart(self, model: ReadModel) -> None:
        places = [
            (projection, Partition(topic, number))
            for projection in ("customers", "customers@2", "customers.2")
            for topic, number in [("a", 1), ("a:1", 1), ("{a}", 1), ("a/1", 1), ("ä'\";--", 11)]
        ]
        for number, (projection, partition) in enumerate(places):
            begun(model, number, 1 + number, partition, projection)

        for number, (projection, partition) in enumerate(places):
            seal = model.sealed(projection, partition)
            assert seal is not None
            assert (seal.epoch, seal.offset) == (1 + number, at(number))

    def test_the_next_seal_brings_the_offset_to_go_on_from(
        self, model: ReadModel, other: ReadModel
    ) -> None:
        begun(model)
        write(model, fence(-1, 41), ("a", 1, None))

        assert other.seal(claim(2), LOG) == Seal(2, "token-2", LOG, at(41))

    def test_a_claims_own_retry_changes_nothing(self, model: ReadModel) -> None:
        taken = begun(model)
        write(model, fence(-1, 41), ("a", 1, None))

        for _ in range(2):
            assert model.seal(taken, LOG) == Seal(1, "token-1", LOG, at(41))
        write(model, fence(41, 42), ("a", 2, None))

    @pytest.mark.parametrize(("epoch", "token"), [(6, "token-6"), (7, "another"), (6, "token-7")])
    def test_a_claim_of_no_later_epoch_is_fenced_and_changes_nothing(
        self, model: ReadModel, other: ReadModel, epoch: int, token: str
    ) -> None:
        begun(model, epoch=7)

        with pytest.raises(Fenced, match=r"customers.*orders/3.*epoch 7"):
            other.seal(claim(epoch, token), LOG)

        assert model.sealed("customers", ORDERS) == Seal(7, "token-7", LOG, at(-1))

    def test_of_claims_that_race_the_last_holds(
        self, model: ReadModel, opened: Callable[[], ReadModel]
    ) -> None:
        begun(model)
        ready = threading.Barrier(8)

        def race(epoch: int) -> None:
            mine = opened()
            ready.wait()
            try:
                mine.seal(claim(epoch), LOG)
            except Fenced:
                return

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(race, range(2, 10)))

        assert model.sealed("customers", ORDERS) == Seal(9, "token-9", LOG, at(-1))

    def test_rows_of_another_log_are_not_taken(self, model: ReadModel) -> None:
        begun(model)

        with pytest.raises(AnotherLog, match=r"customers.*orders/3.*cluster/topic.*swapped"):
            model.seal(claim(2), LogIdentity("swapped/topic", 12))

        assert model.sealed("customers", ORDERS) == Seal(1, "token-1", LOG, at(-1))
        write(model, fence(-1, 1), ("a", 1, None))

    def test_once_the_broker_tells_the_logs_id_it_is_held_to_it(self, model: ReadModel) -> None:
        model.seal(claim(1), LogIdentity("", 1))
        assert model.seal(claim(2), LogIdentity("known", 2)).log == LogIdentity("known", 1)
        assert model.seal(claim(3), LogIdentity("", 3)).log == LogIdentity("known", 1)

        with pytest.raises(AnotherLog):
            model.seal(claim(4), LogIdentity("swapped", 1))

    def test_a_beginning_is_recorded_once(self, model: ReadModel, other: ReadModel) -> None:
        taken = claim()
        model.seal(taken, LOG)
        for _ in range(2):
            model.begin(taken, at(41))

        assert offset_in(other) == at(41)
        with pytest.raises(Fenced):
            model.begin(taken, at(42))
        assert offset_in(other) == at(41)

    def test_a_beginning_under_an_old_claim_is_fenced(
        self, model: ReadModel, other: ReadModel
    ) -> None:
        with pytest.raises(Fenced, match=r"customers.*orders/3"):
            model.begin(claim(), at(41))
        model.seal(claim(), LOG)
        other.seal(claim(2), LOG)

        with pytest.raises(Fenced, match=r"customers.*orders/3"):
            model.begin(claim(), at(41))
        with pytest.raises(Fenced):
            other.begin(claim(2, "another"), at(41))

        assert offset_in(other) is None

    # --- a transaction ---

    def test_rows_and_offset_move_together(self, model: ReadModel, other: ReadModel) -> None:
        begun(model)
        with model.transaction(fence(-1, 499)) as transaction:
            assert not transaction.is_repeated
            transaction.write(ACCOUNTS, [("a", 1, None), ("b", 2, "two")])
            assert row(other, "a") is None
            assert offset_in(other) == at(-1)

        assert rows(other, ACCOUNTS, [("a",), ("b",)]) == {
            ("a",): ("a", 1, None),
            ("b",): ("b", 2, "two"),
        }
        assert other.sealed("customers", ORDERS) == Seal(1, "token-1", LOG, at(499))

    def test_what_raises_within_writes_nothing(self, model: ReadModel, other: ReadModel) -> None:
        begun(model)
        write(model, fence(-1, 1), ("a", 1, None))
        with pytest.raises(Oops), model.transaction(fence(1, 2)) as transaction:  # noqa: PT012 - what is under test raises in the block, or at its end
            transaction.load(ACCOUNTS, [("a",), ("b",)])
            transaction.write(ACCOUNTS, [("b", 2, None)], gone=[("a",)])
            transaction.append(ACCOUNTS, [("c", 2, None)])
            transaction.clear(ROOMS)
            raise Oops

        assert rows(other, ACCOUNTS, [("a",), ("b",), ("c",)]) == {("a",): ("a", 1, None)}
        assert offset_in(other) == at(1)
        write(model, fence(1, 2), ("b", 3, None))
        assert row(other, "b") == ("b", 3, None)

    def test_a_batch_without_a_row_moves_the_offset(
        self, model: ReadModel, other: ReadModel
    ) -> None:
        begun(model)
        with model.transaction(fence(-1, 7)):
            pass
        Transacting(Adding(), model).apply(batch(fence(7, 9), []))

        assert offset_in(other) == at(9)

    def test_the_same_fence_again_is_repeated(self, model: ReadModel, other: ReadModel) -> None:
        begun(model)
        write(model, fence(-1, 7), ("a", 1, None))
        for each in (model, other):
            with each.transaction(fence(-1, 7)) as transaction:
                assert transaction.is_repeated
        adding = Transacting(Adding(), model)
        for _ in range(2):
            adding.apply(batch(fence(7, 9), ["a"]))

        assert row(other, "a") == ("a", 2, None)
        assert offset_in(other) == at(9)

    @pytest.mark.parametrize("repeats", [False, True])
    def test_a_write_under_an_old_epoch_changes_no_row(
        self, model: ReadModel, other: ReadModel, repeats: bool
    ) -> None:
        begun(model)
        write(model, fence(-1, 7), ("a", 1, None))
        other.seal(claim(2), LOG)
        stale = fence(-1, 7) if repeats else fence(7, 8)

        with pytest.raises(Fenced, match=r"customers.*orders/3.*epoch 1"):
            self.write_all(model, stale)

        assert rows(other, ACCOUNTS, [("a",), ("b",), ("c",)]) == {("a",): ("a", 1, None)}
        assert other.sealed("customers", ORDERS) == Seal(2, "token-2", LOG, at(7))

    @pytest.mark.parametrize("expected", [at(6), at(9), StreamOffset(7, 0)])
    def test_a_write_that_builds_on_another_offset_is_fenced(
        self, model: ReadModel, expected: Offset
    ) -> None:
        begun(model)
        write(model, fence(-1, 7), ("a", 1, None))

        with pytest.raises(Fenced, match=r"customers.*orders/3"):
            self.write_all(model, fence(expected, expected.next.next))

        assert rows(model, ACCOUNTS, [("a",), ("b",), ("c",)]) == {("a",): ("a", 1, None)}
        assert offset_in(model) == at(7)

    def test_a_write_of_who_never_sealed_or_never_began_is_fenced(self, model: ReadModel) -> None:
        with pytest.raises(Fenced):
            self.write_all(model, fence(-1, 0))
        model.seal(claim(), LOG)
        with pytest.raises(Fenced):
            self.write_all(model, fence(-1, 0))

        assert row(model, "b") is None
        assert offset_in(model) is None

    @pytest.mark.parametrize("loads", [True, False])
    def test_who_is_succeeded_within_a_transaction_writes_before_the_successor_reads_or_not_at_all(
        self, model: ReadModel, other: ReadModel, loads: bool
    ) -> None:
        begun(model)
        write(model, fence(-1, 7), ("a", 1, None))

        with ThreadPoolExecutor(1) as pool:
            try:
                with model.transaction(fence(7, 8)) as transaction:
                    if loads:
                        transaction.load(ACCOUNTS, [("a",), ("b",)])
                    sealing = pool.submit(other.seal, claim(2), LOG)
                    if not self.seal_waits:
                        assert sealing.result().offset == at(7)
                    transaction.write(ACCOUNTS, [("a", 2, None), ("b", 2, None)])
            except Fenced:
                is_written = False
            else:
                is_written = True
            seal = sealing.result()

        assert is_written == self.seal_waits
        assert seal.offset == offset_in(other) == at(8 if is_written else 7)
        assert row(other, "a") == ("a", 2 if is_written else 1, None)
        assert (row(other, "b") is not None) == is_written

    def test_what_a_successor_was_told_nobody_changes_later(
        self, model: ReadModel, other: ReadModel
    ) -> None:
        begun(model)
        for epoch in range(1, 21):
            written = threading.Event()
            zombie = threading.Thread(target=self.go_on_writing, args=(model, epoch, written))
            zombie.start()
            written.wait()
            seal = until_it_goes_through(lambda: other.seal(claim(epoch + 1), LOG))  # noqa: B023 - called at once
            found = row(other, "a")
            zombie.join()

            assert found is not None
            assert isinstance(seal.offset, IntOffset)
            assert found[1] == seal.offset.value
            assert row(other, "a") == found
            assert offset_in(other) == seal.offset

    @staticmethod
    def go_on_writing(model: ReadModel, epoch: int, written: threading.Event) -> None:
        """Keeps the offset in a row, until somebody else takes over."""
        offset = offset_in(model)
        assert offset is not None
        try:
            while True:
                within = fence(offset, offset.next, epoch)
                count = int(str(offset.next))
                until_it_goes_through(lambda: write(model, within, ("a", count, None)))  # noqa: B023 - called at once
                offset = offset.next
                written.set()
        except Fenced:
            written.set()

    @staticmethod
    def write_all(model: ReadModel, within: Fence) -> None:
        """Does all that a transaction can do."""
        with model.transaction(within) as transaction:
            transaction.load(ACCOUNTS, [("a",)])
            transaction.write(ACCOUNTS, [("b", 1, None)], gone=[("a",)])
            transaction.append(ACCOUNTS, [("c", 1, None)])

    # --- several partitions in one transaction ---

    def test_batches_of_several_partitions_are_written_together(
        self, model: ReadModel, other: ReadModel
    ) -> None:
        begun(model)
        begun(model, partition=OTHER)
        fences = fence(-1, 7), fence(-1, 9, partition=OTHER)
        for is_repeated in (False, True):
            with model.transaction(*fences) as transaction:
                assert transaction.is_repeated == is_repeated
                if not is_repeated:
                    transaction.write(ACCOUNTS, [("a", 1, None)])

        assert row(other, "a") == ("a", 1, None)
        assert (offset_in(other), offset_in(other, OTHER)) == (at(7), at(9))

    @pytest.mark.parametrize("stale", [ORDERS, OTHER])
    def test_of_several_partitions_one_that_is_fenced_stops_all(
        self, model: ReadModel, other: ReadModel, stale: Partition
    ) -> None:
        begun(model)
        begun(model, partition=OTHER)
        other.seal(claim(2, partition=stale), LOG)

        with (
            pytest.raises(Fenced),
            model.transaction(fence(-1, 7), fence(-1, 9, partition=OTHER)) as transaction,
        ):
            transaction.write(ACCOUNTS, [("a", 1, None)])

        assert row(other, "a") is None
        assert (offset_in(other), offset_in(other, OTHER)) == (at(-1), at(-1))

    @pytest.mark.parametrize("done", [ORDERS, OTHER])
    def test_batches_of_which_a_part_was_written_are_fenced(
        self, model: ReadModel, done: Partition
    ) -> None:
        begun(model)
        begun(model, partition=OTHER)
        write(model, fence(-1, 9, partition=done), ("a", 1, None))

        with (
            pytest.raises(Fenced, match=r"orders/3.*orders/4"),
            model.transaction(fence(-1, 9), fence(-1, 9, partition=OTHER)) as transaction,
        ):
            transaction.write(ACCOUNTS, [("a", 2, None)])

        assert row(model, "a") == ("a", 1, None)
        assert {offset_in(model), offset_in(model, OTHER)} == {at(-1), at(9)}

    # --- load, write, append, clear ---

    def test_a_load_returns_what_is_there(self, model: ReadModel, other: ReadModel) -> None:
        begun(model)
        with model.transaction(fence(-1, 1)) as transaction:
            transaction.write(ACCOUNTS, [("a", 1, None), ("b", 2, "two")])
            transaction.write(ROOMS, [(20, 1, "ritz"), (30, 2, "ritz"), (40, 1, "inn")])

        for each in (model, other):
            assert rows(each, ACCOUNTS, [("b",), ("absent",), ("A",)]) == {("b",): ("b", 2, "two")}
            assert rows(each, ACCOUNTS, []) == {}
            assert rows(each, ROOMS, [("inn", 2), ("ritz", 2), ("inn", 1)]) == {
                ("ritz", 2): (30, 2, "ritz"),
                ("inn", 1): (40, 1, "inn"),
            }

    @pytest.mark.parametrize("count", [1, 999, 5000])
    def test_thousands_of_rows_are_loaded_and_written_at_once(
        self, model: ReadModel, other: ReadModel, count: int
    ) -> None:
        begun(model)
        some = [(f"key-{number}", number, None) for number in range(count)]
        many = [(number, number % 7, f"hotel-{number}") for number in range(count)]
        with model.transaction(fence(-1, 1)) as transaction:
            assert not transaction.load(ACCOUNTS, [(name,) for name, _, _ in some])
            transaction.write(ACCOUNTS, iter(some))
            transaction.append(ROOMS, iter(many))

        asked = [(f"key-{number}",) for number in range(count + 1)]
        assert rows(other, ACCOUNTS, asked) == {(each[0],): each for each in some}
        asked_for = [(hotel, floor) for _, floor, hotel in many] + [("none", 1)]
        assert rows(other, ROOMS, asked_for) == {ROOMS.key_of(each): each for each in many}

    def test_a_write_replaces_rows_and_deletes_those_that_are_gone(self, model: ReadModel) -> None:
        begun(model)
        write(model, fence(-1, 1), ("a", 1, "one"), ("b", 2, "two"), ("c", 3, "three"))
        with model.transaction(fence(1, 2)) as transaction:
            transaction.load(ACCOUNTS, [("a",), ("b",), ("d",)])
            transaction.write(
                ACCOUNTS, [("a", 10, None), ("d", 4, None)], iter([("b",), ("absent",)])
            )
            transaction.append(ACCOUNTS, [("e", 5, None)])

        assert rows(model, ACCOUNTS, [(name,) for name in "abcde"]) == {
            ("a",): ("a", 10, None),
            ("c",): ("c", 3, "three"),
            ("d",): ("d", 4, None),
            ("e",): ("e", 5, None),
        }

    def test_composite_keys_are_replaced_and_deleted_too(self, model: ReadModel) -> None:
        begun(model)
        write(model, fence(-1, 1), (1, 1, "x"), (2, 2, "x"), (3, 1, "y"), table=ROOMS)
        with model.transaction(fence(1, 2)) as transaction:
            transaction.write(ROOMS, [(9, 2, "x")], gone=[("x", 1)])

        assert rows(model, ROOMS, [("x", 1), ("x", 2), ("y", 1)]) == {
            ("x", 2): (9, 2, "x"),
            ("y", 1): (3, 1, "y"),
        }

    def test_what_is_done_later_within_a_transaction_wins(self, model: ReadModel) -> None:
        begun(model)
        write(model, fence(-1, 1), ("a", 1, None), ("b", 1, None))
        with model.transaction(fence(1, 2)) as transaction:
            transaction.write(ACCOUNTS, [("a", 2, None), ("c", 2, None)])
            transaction.clear(ACCOUNTS)
            transaction.write(ACCOUNTS, [("b", 3, None), ("d", 3, None)])
            transaction.write(ACCOUNTS, [("b", 4, None)], gone=[("d",)])

        names = [(name,) for name in "abcd"]
        assert rows(model, ACCOUNTS, names) == {("b",): ("b", 4, None)}

    def test_a_table_that_is_cleared_is_empty_and_no_other(self, model: ReadModel) -> None:
        begun(model)
        write(model, fence(-1, 1), *[(f"{number}", number, None) for number in range(100)])
        write(model, fence(1, 2), (1, 1, "x"), table=ROOMS)
        with model.transaction(fence(2, 3)) as transaction:
            transaction.clear(ACCOUNTS)

        assert rows(model, ACCOUNTS, [(f"{number}",) for number in range(100)]) == {}
        assert row(model, "x", 1, table=ROOMS) == (1, 1, "x")

    def test_a_row_that_is_appended_under_a_taken_key_fails_and_changes_nothing(
        self, model: ReadModel
    ) -> None:
        begun(model)
        write(model, fence(-1, 0), (1, 1, "x"), table=ROOMS)
        write(model, fence(0, 1), ("a", 1, None))

        with (  # noqa: PT012 - what is under test raises in the block, or at its end
            pytest.raises(RowRefused, match="table accounts"),
            model.transaction(fence(1, 2)) as transaction,
        ):
            transaction.write(ACCOUNTS, [("c", 2, None)])
            transaction.clear(ROOMS)
            transaction.append(ACCOUNTS, [("b", 2, None), ("a", 2, None)])

        assert row(model, "x", 1, table=ROOMS) == (1, 1, "x")
        assert row(model, "c") is None
        assert rows(model, ACCOUNTS, [("a",), ("b",)]) == {("a",): ("a", 1, None)}
        assert offset_in(model) == at(1)
        write(model, fence(1, 2), ("b", 2, None))

    # --- two writers of one row ---

    @pytest.mark.parametrize("is_there", [True, False])
    @pytest.mark.parametrize("change", ["written", "deleted"])
    def test_of_two_who_load_a_row_the_second_runs_again(
        self, model: ReadModel, other: ReadModel, is_there: bool, change: str
    ) -> None:
        begun(model)
        begun(other, partition=OTHER)
        if is_there:
            write(model, fence(-1, 0), ("a", 1, None))
        else:
            write(model, fence(-1, 0))
        runs: list[int] = []
        first = threading.Event()

        def interfere() -> None:
            first.wait()
            with other.transaction(fence(-1, 0, partition=OTHER)) as transaction:
                found = transaction.load(ACCOUNTS, [("a",)]).get(("a",))
                if change == "deleted":
                    transaction.write(ACCOUNTS, [], gone=[("a",)])
                else:
                    transaction.write(ACCOUNTS, [("a", (found[1] if found else 0) + 100, None)])

        class Interrupted(Adding):
            def loaded(self) -> None:
                runs.append(1)
                if len(runs) == 1:
                    first.set()
                    if not waits:
                        interfering.result()

        waits = self.seal_waits
        with ThreadPoolExecutor(1) as pool:
            interfering = pool.submit(until_it_goes_through, interfere)
            until_it_goes_through(
                lambda: Transacting(Interrupted(), model).apply(batch(fence(0, 1), ["a", "a"]))
            )
            interfering.result()

        before = 1 if is_there else 0
        outcomes = (
            [before + 2 + 100] if change == "written" else [2, None]  # whoever came last
        )
        found = row(other, "a")
        assert (found[1] if found else None) in outcomes

    def test_of_folds_on_shared_rows_none_is_lost(
        self, model: ReadModel, opened: Callable[[], ReadModel]
    ) -> None:
        names = ["a", "b", "c", "d", "e"]
        batches = 60
        ready = threading.Barrier(3)

        def work(number: int) -> None:
            mine = opened()
            partition = Partition("orders", number)
            begun(mine, partition=partition)
            adding = Transacting(Adding(), mine)
            ready.wait()
            for count in range(batches):
                ids = [names[(count + number) % 5], names[count * 3 % 5], f"{count}", names[0]]
                within = fence(count - 1, count, partition=partition)
                until_it_goes_through(lambda: adding.apply(batch(within, ids)))  # noqa: B023 - called at once

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(work, range(3)))

        singles = rows(model, ACCOUNTS, [(f"{count}",) for count in range(batches)])
        assert {found[1] for found in singles.values()} == {3}
        assert len(singles) == batches
        shared = rows(model, ACCOUNTS, [(name,) for name in names])
        assert sum(found[1] for found in shared.values()) == 3 * 3 * batches
        assert [offset_in(model, Partition("orders", number)) for number in range(3)] == [
            at(batches - 1)
        ] * 3

    def test_writers_of_other_rows_do_not_disturb(self, model: ReadModel, other: ReadModel) -> None:
        begun(model)
        begun(other, partition=OTHER)
        with model.transaction(fence(-1, 0)) as transaction:
            transaction.load(ACCOUNTS, [("a",)])
            write(other, fence(-1, 0, partition=OTHER), ("b", 1, None))
            transaction.write(ACCOUNTS, [("a", 1, None)])

        assert len(rows(other, ACCOUNTS, [("a",), ("b",)])) == 2

    # --- reset ---

    def test_a_reset_empties_the_tables_and_seals_the_partitions_as_said(
        self, model: ReadModel, other: ReadModel
    ) -> None:
        begun(model)
        write(model, fence(-1, 7), ("a", 1, None))
        write(model, fence(7, 8), (1, 1, "x"), table=ROOMS)
        seal = Seal(5, "reset", LogIdentity("anew/topic", 8), at(-1))

        with other.reset("customers", {ORDERS: seal}) as transaction:
            assert not transaction.is_repeated
            transaction.clear(ACCOUNTS)

        assert row(model, "a") is None
        assert row(model, "x", 1, table=ROOMS) == (1, 1, "x")
        assert model.sealed("customers", ORDERS) == seal
        with pytest.raises(Fenced):
            self.write_all(model, fence(8, 9))
        assert model.seal(claim(6), seal.log).offset == at(-1)
        write(model, fence(-1, 0, epoch=6), ("a", 2, None))

    def test_a_reset_takes_the_offsets_of_the_projections_other_partitions(
        self, model: ReadModel, other: ReadModel
    ) -> None:
        begun(model)
        begun(model, partition=OTHER)
        write(model, fence(-1, 7, partition=OTHER), ("a", 1, None))

        with other.reset("customers", {ORDERS: Seal(5, "reset", LOG, at(-1))}) as transaction:
            transaction.clear(ACCOUNTS)

        assert offset_in(model, OTHER) is None
        for stale in (fence(7, 8, partition=OTHER), fence(-1, 7, partition=OTHER)):
            with pytest.raises(Fenced):
                self.write_all(model, stale)
        with pytest.raises(Fenced):
            model.begin(claim(partition=OTHER), at(7))
        assert row(model, "b") is None

    def test_a_reset_of_a_partition_on_which_nothing_ran_seals_it(self, model: ReadModel) -> None:
        seal = Seal(5, "reset", LOG, at(-1))
        with model.reset("customers", {ORDERS: seal}):
            pass

        assert model.sealed("customers", ORDERS) == seal

    def test_a_reset_leaves_other_projections_alone(
        self, model: ReadModel, other: ReadModel
    ) -> None:
        for projection in ("customers@2", "customer", "rooms"):
            begun(model, projection=projection)
        write(model, fence(-1, 7, projection="rooms"), (1, 1, "x"), table=ROOMS)

        with other.reset("customers", {ORDERS: Seal(5, "reset", LOG, at(-1))}) as transaction:
            transaction.clear(ACCOUNTS)

        assert row(model, "x", 1, table=ROOMS) == (1, 1, "x")
        write(model, fence(7, 8, projection="rooms"), (2, 1, "x"), table=ROOMS)
        for projection in ("customers@2", "customer"):
            write(model, fence(-1, 0, projection=projection), (3, 1, projection), table=ROOMS)

    @pytest.mark.parametrize("epoch", [6, 7])
    def test_a_reset_under_no_later_epoch_is_fenced_and_changes_nothing(
        self, model: ReadModel, other: ReadModel, epoch: int
    ) -> None:
        begun(model, epoch=7)
        begun(model, partition=OTHER)
        write(model, fence(-1, 7, epoch=7), ("a", 1, None))
        seals = {
            OTHER: Seal(9, "reset", LOG, at(-1)),
            ORDERS: Seal(epoch, "reset", LOG, at(-1)),
        }

        with (
            pytest.raises(Fenced, match=r"customers.*orders/3"),
            other.reset("customers", seals) as transaction,
        ):
            transaction.clear(ACCOUNTS)

        assert row(model, "a") == ("a", 1, None)
        write(model, fence(7, 8, epoch=7), ("a", 2, None))
        write(model, fence(-1, 8, partition=OTHER), ("a", 3, None))

    def test_a_reset_that_raises_changes_nothing_or_lets_nobody_write(
        self, model: ReadModel, other: ReadModel
    ) -> None:
        begun(model)
        write(model, fence(-1, 7), ("a", 1, None))
        seals = {ORDERS: Seal(5, "reset", LOG, at(-1))}

        with pytest.raises(Oops), other.reset("customers", seals) as transaction:  # noqa: PT012 - what is under test raises in the block, or at its end
            transaction.clear(ACCOUNTS)
            raise Oops

        if self.resets_at_once:
            assert row(model, "a") == ("a", 1, None)
            write(model, fence(7, 8), ("a", 2, None))
        else:
            with pytest.raises(Fenced):
                write(model, fence(7, 8), ("a", 2, None))
        with other.reset("customers", seals) as transaction:
            transaction.clear(ACCOUNTS)
        assert row(model, "a") is None
        assert model.sealed("customers", ORDERS) == seals[ORDERS]

    def test_a_reset_wins_over_a_transaction_under_way_or_waits_for_it(
        self, model: ReadModel, other: ReadModel
    ) -> None:
        begun(model)
        write(model, fence(-1, 7), ("a", 1, None))

        def reset() -> None:
            seals = {ORDERS: Seal(5, "reset", LOG, at(-1))}
            with other.reset("customers", seals) as transaction:
                transaction.clear(ACCOUNTS)

        with ThreadPoolExecutor(1) as pool:
            try:
                with model.transaction(fence(7, 8)) as transaction:
                    transaction.load(ACCOUNTS, [("a",)])
                    resetting = pool.submit(reset)
                    if not self.seal_waits:
                        resetting.result()
                    transaction.write(ACCOUNTS, [("a", 2, None)])
            except (Fenced, Conflict):
                assert not self.seal_waits
            resetting.result()

        assert row(model, "a") is None
        assert offset_in(model) == at(-1)

    # --- close ---

    def test_what_is_closed_is_closed(self, model: ReadModel) -> None:
        begun(model)
        for _ in range(2):
            model.close()

        for call in (
            lambda: model.prepare([ACCOUNTS], lambda transaction: None),
            lambda: model.sealed("customers", ORDERS),
            lambda: model.seal(claim(2), LOG),
            lambda: model.begin(claim(), at(1)),
            lambda: write(model, fence(-1, 1), ("a", 1, None)),
            lambda: model.reset("customers", {}).__enter__(),
        ):
            with pytest.raises(Closed):
                call()


class DurableReadModelContract(ReadModelContract):
    """A store whose rows outlive the connection that wrote them."""

    def test_what_is_written_outlives_its_connection(
        self, model: ReadModel, other: ReadModel
    ) -> None:
        begun(model)
        write(model, fence(-1, 1), ("a", 1, None))
        model.close()

        assert row(other, "a") == ("a", 1, None)
        assert offset_in(other) == at(1)
