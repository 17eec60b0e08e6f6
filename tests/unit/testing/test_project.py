"""Events in, rows out: what `project` returns, and what it lets through."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from consumer import (
    ApplyFailed,
    Batch,
    Event,
    Misconfigured,
    NoUpcaster,
    Transient,
    Undecodable,
    upcaster,
)
from consumer.adapters.memory.read_model import MemoryReadModel
from consumer.testing import Projected, Projection, event, project
from tests.unit.testing.sums import (
    Counts,
    OrderCancelled,
    OrderPlaced,
    Own,
    Sum,
    Sums,
    Waiting,
)

ADA, BOB = OrderPlaced("ada", Decimal("19.99")), OrderPlaced("bob", Decimal(5))


class Seen:
    """Keeps the events that it is given."""

    name = "seen"
    handles: Any = None

    def __init__(self, handles: Any = None) -> None:
        self.handles = handles
        self.events: list[Event] = []
        self.batches: list[int] = []

    def apply(self, batch: Batch) -> None:
        self.events += batch
        self.batches.append(len(batch))


def seen(*events: object, handles: Any = None, **options: Any) -> list[Event]:
    return project(Seen(handles), *events, rows=lambda seen: seen.events, **options)


def test_rows_come_as_the_projectors_own_type_in_the_order_of_their_keys() -> None:
    rows = project(Sums(), BOB, ADA, ADA)

    assert rows == [Sum("ada", Decimal("39.98")), Sum("bob", Decimal(5))]


def test_a_row_that_was_deleted_is_not_there() -> None:
    assert project(Sums(), BOB, ADA, OrderCancelled("ada")) == [Sum("bob", Decimal(5))]


def test_without_events_there_are_no_rows() -> None:
    assert project(Sums()) == []


def test_the_rows_of_several_tables_come_by_their_names_and_without_a_type_as_dictionaries() -> (
    None
):
    assert project(Counts(), ADA, OrderCancelled("ada"), BOB) == {
        "counts": [{"type": "OrderCancelled", "count": 1}, {"type": "OrderPlaced", "count": 2}],
        "sums": [],
    }


def test_a_class_or_a_function_that_makes_the_projector_will_do() -> None:
    def make() -> Sums:
        return Sums()

    assert project(Sums, BOB) == project(make, BOB) == [Sum("bob", Decimal(5))]


def test_what_it_makes_of_a_class_is_closed_and_what_it_is_given_is_not() -> None:
    made: list[Own] = []

    def make() -> Own:
        made.append(Own())
        return made[-1]

    given = Own()
    project(make, rows=lambda own: own.store)
    project(given, rows=lambda own: own.store)

    assert (made[0].closed, given.closed) == (1, 0)


def test_a_projector_that_writes_by_itself_tells_its_rows_by_a_function() -> None:
    assert project(Own(), ADA, rows=lambda own: own.store) == {"ada": "OrderPlaced"}


def test_a_projector_of_coroutines_is_waited_for_and_closed() -> None:
    made: list[Waiting] = []

    def make() -> Any:
        made.append(Waiting())
        return made[-1]

    assert project(make, ADA, rows=lambda own: dict(own.store)) == {"ada": "OrderPlaced"}
    assert made[0].closed == 1


def test_rows_that_nobody_can_tell_are_refused_with_what_to_give() -> None:
    with pytest.raises(Misconfigured, match="nobody knows where own keeps its rows: give rows="):
        project(Own(), ADA)


def test_a_read_model_for_a_projector_that_writes_by_itself_is_refused() -> None:
    with pytest.raises(Misconfigured, match="own writes by itself"):
        project(Own(), ADA, rows=lambda own: own.store, read_model=MemoryReadModel)


def test_a_projector_for_one_database_alone_asks_for_it() -> None:
    class ForPostgresql(Sums):
        read_models = frozenset({"postgresql"})

    with pytest.raises(Misconfigured, match="sums writes postgresql alone: give read_model="):
        project(ForPostgresql(), ADA)


def test_an_event_has_a_number_in_all_places_and_a_second_of_its_own() -> None:
    first, second = seen(ADA, BOB)

    assert (first.id, str(first.offset)) == ("0", "0")
    assert (second.id, str(second.offset)) == ("1", "1")
    assert second.time is not None
    assert first.time is not None
    assert second.time - first.time == timedelta(seconds=1)


def test_data_comes_as_json_as_from_a_broker() -> None:
    (only,) = seen(ADA)

    assert isinstance(only.data, msgspec.Raw)
    assert bytes(only.data) == b'{"customer":"ada","total":"19.99"}'


def test_all_that_is_said_of_an_event_arrives() -> None:
    when = datetime(2026, 11, 23, tzinfo=UTC)

    (said,) = seen(
        event(
            ADA,
            type="shop.placed",
            aggregate_id="o-1",
            sequence=7,
            time=when,
            metadata={"traceparent": "00"},
            version=3,
            key=b"k",
        )
    )

    assert (said.type, said.aggregate_id, said.sequence, said.time) == (
        "shop.placed",
        "o-1",
        7,
        when,
    )
    assert (said.metadata, said.version, said.key) == ({"traceparent": "00"}, 3, b"k")


def test_a_type_alone_is_a_tombstone_and_a_type_may_have_plain_data() -> None:
    tombstone, plain = seen("OrderPlaced", event("OrderPlaced", {"customer": "ada"}))

    assert tombstone.is_tombstone
    assert plain.decode(object) == {"customer": "ada"}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (lambda: event({"customer": "ada"}), "a dict does not tell the event's type"),
        (lambda: event(OrderPlaced), r"OrderPlaced is a class: give an object of it"),
        (lambda: event("OrderPlaced", type="Other"), "two types, 'OrderPlaced' and 'Other'"),
        (lambda: event(ADA, {"customer": "bob"}), "give the data of an event once"),
        (lambda: project(Sums(), None), "a NoneType does not tell the event's type"),
    ],
)
def test_an_event_without_a_type_or_with_two_is_refused(
    given: Callable[[], object], why: str
) -> None:
    with pytest.raises(TypeError, match=why):
        given()


def test_a_data_object_has_the_version_that_the_projector_understands() -> None:
    @upcaster("OrderPlaced", 1)
    def in_cents(data: dict[str, Any]) -> dict[str, Any]:
        return {"customer": data["customer"], "total": int(data["total"]) * 100}

    newest, oldest = seen(
        ADA,
        event("OrderPlaced", {"customer": "ada", "total": 5}, version=1),
        handles={"OrderPlaced": 2},
        upcasters=[in_cents],
    )

    assert newest.version == 2
    assert oldest.data == {"customer": "ada", "total": 500}


def test_an_event_that_no_upcaster_takes_on_comes_out_as_it_is() -> None:
    with pytest.raises(NoUpcaster, match="schema version 4"):
        seen(event("OrderPlaced", {}, version=4), handles={"OrderPlaced": 2})


def test_a_wrong_field_shows_for_the_data_is_decoded_again() -> None:
    with pytest.raises(Undecodable, match="total"):
        project(Sums(), event("shop.placed", {"customer": "ada", "total": []}))


def test_data_that_is_no_json_is_the_tests_own_mistake() -> None:
    with pytest.raises(TypeError, match="object"):
        seen(event("OrderPlaced", object()))


def test_what_a_projector_raises_is_the_cause_of_what_comes_out() -> None:
    class Buggy(Sums):
        def project(self, batch: Batch, transaction: object) -> None:
            raise ZeroDivisionError("the bug")

    with pytest.raises(ApplyFailed, match="sums raised ZeroDivisionError") as failed:
        project(Buggy(), ADA)

    assert str(failed.value.__cause__) == "the bug"


def test_a_store_that_is_away_is_told_as_it_is() -> None:
    class Away(Sums):
        def project(self, batch: Batch, transaction: object) -> None:
            raise Transient("the store is away")

    with pytest.raises(Transient, match="the store is away"):
        project(Away(), ADA)


def test_the_size_of_the_batches_may_be_said() -> None:
    with Projection(Seen(), rows=lambda own: own.batches, batch_size=2) as projection:
        assert projection.apply(ADA, BOB, ADA) == [2, 1]


def test_a_projection_goes_on_where_it_was_and_can_be_given_all_again() -> None:
    with Projection(Own(), rows=lambda own: dict(own.store)) as projection:
        projection.apply(ADA)
        assert projection.apply(OrderCancelled("ada")) == {"ada": "OrderCancelled"}
        projection.projector.store.clear()  # type: ignore[union-attr]
        assert projection.apply_again(after=2) == {}
        assert projection.apply_again(after=1) == {"ada": "OrderCancelled"}
        assert [given.type for given in projection.events] == ["OrderPlaced", "OrderCancelled"]


def test_what_is_in_a_read_model_is_not_applied_again() -> None:
    with Projection(Sums(), batch_size=1) as projection:
        assert projection.apply(ADA, BOB) == projection.apply_again()


def test_the_fixture_takes_a_test_step_by_step() -> None:
    projected, sums = Projected(), Sums()

    assert projected(sums, ADA) == [Sum("ada", Decimal("19.99"))]
    assert projected(sums, BOB) == [Sum("ada", Decimal("19.99")), Sum("bob", Decimal(5))]
    assert projected(Sums(), BOB) == [Sum("bob", Decimal(5))]
    projected.close()
