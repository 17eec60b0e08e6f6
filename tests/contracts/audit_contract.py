"""What every `Audit` must do, as tests to inherit: override `open_audit`, and `store`, the offset store
that it lies beside.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest

from consumer.errors import Closed, Misconfigured
from consumer.model.position import IntOffset, Partition, StreamOffset
from consumer.model.reset import KEPT, Move, Reset
from consumer.ports.audit import Audit
from consumer.ports.offset_store import OffsetStore
from tests.contracts.offset_store_contract import LOG, ORDERS, at, claimed

NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


def reset(number: int = 0, projection: str = "customers", moves: tuple[Move, ...] = ()) -> Reset:
    return Reset(
        projection, NOON + timedelta(seconds=number), "ada@host-1:42", "--to-earliest", moves
    )


class AuditContract:
    """One object, and whoever uses it."""

    @pytest.fixture
    def audit(self) -> Audit:
        raise NotImplementedError("override the fixture `audit` with one that makes yours, empty")

    @pytest.fixture
    def store(self) -> OffsetStore:
        raise NotImplementedError("override the fixture `store` with the store that it lies beside")

    def test_a_projection_that_was_never_reset_has_no_records(self, audit: Audit) -> None:
        assert list(audit.records("customers")) == []

    def test_a_record_comes_back_as_it_was_written(self, audit: Audit) -> None:
        east = timezone(timedelta(hours=5, minutes=30))
        full = Reset(
            "rooms@2",
            datetime(2026, 11, 23, 17, 30, 0, 1, tzinfo=east),
            "Zoë <zoe@host-1> \"'",
            "--to-datetime 2026-11-01T00:00:00Z",
            (
                Move(ORDERS, None, IntOffset(-1)),
                Move(Partition("a/b", 0), IntOffset(2**63 - 1), IntOffset(0)),
                Move(Partition("ä b", 1), StreamOffset(1526919030474, 55), StreamOffset(0, 0)),
            ),
        )
        audit.record(full)

        assert list(audit.records("rooms@2")) == [full]
        assert audit.records("rooms@2")[0].at.tzinfo is not None

    def test_a_reset_of_many_partitions_is_one_record(self, audit: Audit) -> None:
        wide = reset(moves=tuple(Move(Partition("t", n), at(n), at(-1)) for n in range(300)))
        audit.record(wide)

        assert list(audit.records("customers")) == [wide]

    def test_the_oldest_comes_first(self, audit: Audit) -> None:
        written = [reset(number) for number in (3, 1, 2)]
        for each in written:
            audit.record(each)

        assert (
            list(audit.records("customers")) == written
        )  # as they were written, whatever clocks say

    def test_projections_never_see_each_others_records(self, audit: Audit) -> None:
        names = ["customers", "customers@2", "orders"]
        for number, name in enumerate(names):
            audit.record(reset(number, name))

        assert [list(audit.records(name)) for name in names] == [
            [reset(number, name)] for number, name in enumerate(names)
        ]
        assert list(audit.records("order")) == []

    def test_records_outlive_a_reset_of_the_offsets(self, audit: Audit, store: OffsetStore) -> None:
        store.commit(claimed(store), None, at(9))
        audit.record(reset())
        store.move("customers", ORDERS, at(1), log=LOG)
        store.reset("customers")

        assert store.get("customers", ORDERS) is None
        assert list(audit.records("customers")) == [reset()]

    def test_a_record_makes_no_projection_that_the_offset_store_lists(
        self, audit: Audit, store: OffsetStore
    ) -> None:
        audit.record(reset())

        assert list(store.list_projections()) == []

    def test_the_latest_are_kept_of_each_projection(self, audit: Audit) -> None:
        audit.record(reset(0, "others"))
        for number in range(KEPT + 3):
            audit.record(reset(number))

        assert list(audit.records("customers")) == [reset(n) for n in range(3, KEPT + 3)]
        assert list(audit.records("others")) == [reset(0, "others")]

    def test_threads_lose_no_record(self, audit: Audit) -> None:
        ready = threading.Barrier(8)

        def work(worker: int) -> None:
            ready.wait()
            for number in range(10):
                audit.record(reset(worker * 10 + number))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))

        found = sorted(audit.records("customers"), key=lambda record: record.at)
        assert found == [reset(number) for number in range(80)]

    @pytest.mark.parametrize("name", ["", "a b", "{a}", "a:b"])
    def test_a_name_that_cannot_be_one_is_refused(self, audit: Audit, name: str) -> None:
        for call in (lambda: audit.record(reset(0, name)), lambda: audit.records(name)):
            with pytest.raises(Misconfigured, match="cannot name a projection"):
                call()

    def test_a_closed_one_says_so_and_closing_twice_is_safe(self, audit: Audit) -> None:
        audit.record(reset())
        audit.close()
        audit.close()

        for call in (lambda: audit.record(reset()), lambda: audit.records("customers")):
            with pytest.raises(Closed):
                call()


class DurableAuditContract(AuditContract):
    """Records that outlive the object: also override `damage`, which writes a record that nobody can read."""

    @pytest.fixture
    def open_audit(self) -> Callable[[], Audit]:
        raise NotImplementedError("override `open_audit`: each call opens the same records anew")

    @pytest.fixture
    def damage(self) -> Callable[[bytes], None]:
        raise NotImplementedError("override `damage`: it adds these bytes to those of `customers`")

    @pytest.fixture
    def audit(self, open_audit: Callable[[], Audit]) -> Iterator[Audit]:
        audit = open_audit()
        yield audit
        audit.close()

    def test_records_are_there_after_a_restart_and_for_others(
        self, audit: Audit, open_audit: Callable[[], Audit]
    ) -> None:
        audit.record(reset(1))
        other = open_audit()
        other.record(reset(2))
        audit.close()

        assert list(other.records("customers")) == [reset(1), reset(2)]
        other.close()

    def test_a_record_of_a_later_release_is_read_as_far_as_it_is_known(
        self, audit: Audit, damage: Callable[[bytes], None]
    ) -> None:
        damage(
            b'{"projection":"customers","at":"2026-11-23T12:00:00.123456Z","by":"ada@host-1:42",'
            b'"to":"--to-earliest","moves":[],"approved_by":"eve"}'
        )

        assert list(audit.records("customers")) == [reset()]

    def test_a_damaged_record_says_so(self, audit: Audit, damage: Callable[[bytes], None]) -> None:
        damage(b'{"projection": "customers"')

        with pytest.raises(Misconfigured, match=r"audit.*damaged"):
            audit.records("customers")
