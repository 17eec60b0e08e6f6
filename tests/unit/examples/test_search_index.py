"""A store without transactions stays right by external versions, whoever is late, killed or repeated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import IncompleteRead
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer import (
    ApplyFailed,
    Batch,
    Fence,
    IntOffset,
    Partition,
    Runner,
    StreamOffset,
    Transient,
)
from consumer.adapters.memory.event_log import MemoryEventLog
from consumer.adapters.memory.offset_store import MemoryOffsetStore
from consumer.testing import assert_idempotent, assert_order_kept, event, project
from projectors.examples.search_index import LineAdded, OrderPlaced, SearchIndex, version_of
from tests.unit.examples.versioned_store import VersionedStore, serving

PLACED = event(OrderPlaced("ada"), aggregate_id="o-1")
TEA = event(LineAdded("tea", 450), aggregate_id="o-1")
CAKE = event(LineAdded("cake", 300), aggregate_id="o-2")
CANCELLED = event("OrderCancelled", aggregate_id="o-1")
EVENTS = (PLACED, TEA, CAKE, TEA, CANCELLED, CAKE)


@pytest.fixture
def store() -> Iterator[VersionedStore]:
    with serving(VersionedStore()) as served:
        yield served


class Story:
    """A log, of which any worker applies any stretch at any time."""

    def __init__(self, store: VersionedStore, *lines: int) -> None:
        self.store = store
        log = MemoryEventLog("orders")
        self.events = [
            log.append("LineAdded", {"text": "tea", "cents": cents}, aggregate_id="o-1")
            for cents in lines
        ]

    def apply(self, first: int, last: int, *, epoch: int) -> None:
        partition = Partition("orders", 0)
        fence = Fence("search-index", partition, epoch, IntOffset(first - 1), IntOffset(last))
        batch = Batch(partition, self.events[first : last + 1], fence)
        SearchIndex(self.store.url).apply(batch)

    @property
    def cents(self) -> int:
        return int(self.store.documents["o-1"][1]["cents"])


def documents(store: VersionedStore) -> dict[str, Any]:
    return {id: source for id, (_, source) in sorted(store.documents.items())}


def test_each_order_is_a_document(store: VersionedStore) -> None:
    found = project(SearchIndex(store.url), *EVENTS, rows=lambda _: documents(store))

    assert found == {
        "o-1": {"customer": "ada", "texts": ["tea", "tea"], "cents": 900, "is_cancelled": True},
        "o-2": {"customer": "", "texts": ["cake", "cake"], "cents": 600, "is_cancelled": False},
    }


def test_it_is_idempotent_and_keeps_the_order(store: VersionedStore) -> None:
    index = SearchIndex(store.url)

    assert_idempotent(index, *EVENTS, rows=lambda _: documents(store))
    store.documents.clear()
    assert_order_kept(index, *EVENTS, rows=lambda _: documents(store))


def test_what_comes_again_is_not_even_written(store: VersionedStore) -> None:
    story = Story(store, 1, 20)
    story.apply(0, 1, epoch=1)
    before = dict(store.documents)

    story.apply(0, 1, epoch=2)

    assert (store.documents, store.statuses) == (before, [201])


def test_a_zombies_late_write_is_refused(store: VersionedStore) -> None:
    story = Story(store, 1, 20, 300)
    # It has read the document, and is stopped before it writes; a successor goes further meanwhile.
    store.before_writes = [lambda: story.apply(0, 2, epoch=2)]

    story.apply(0, 1, epoch=1)

    assert story.cents == 321
    assert store.statuses == [201, 409]


def test_a_zombie_that_came_further_does_no_harm(store: VersionedStore) -> None:
    story = Story(store, 1, 20, 300)
    store.before_writes = [lambda: story.apply(0, 2, epoch=1)]

    story.apply(0, 1, epoch=2)
    assert story.cents == 321
    story.apply(2, 2, epoch=2)

    assert story.cents == 321


def test_in_a_store_that_ignores_versions_the_zombie_would_win(store: VersionedStore) -> None:
    store.ignores_versions = True
    story = Story(store, 1, 20, 300)
    store.before_writes = [lambda: story.apply(0, 2, epoch=2)]

    story.apply(0, 1, epoch=1)

    assert story.cents == 21


def test_documents_that_were_refused_for_now_are_written_the_next_time(
    store: VersionedStore,
) -> None:
    log, offsets, index = MemoryEventLog(), MemoryOffsetStore(), SearchIndex(store.url)
    for order in ("o-1", "o-2"):
        log.append("LineAdded", {"text": "tea", "cents": 5}, aggregate_id=order)
    store.failing = {"o-2": 429}
    with Runner(log, offsets, index) as runner:
        with pytest.raises(Transient, match="429"):
            runner.apply_since()
        store.failing = {}
        runner.apply_since()

    assert [document["cents"] for document in documents(store).values()] == [5, 5]


def test_a_store_that_is_down_is_waited_for(store: VersionedStore) -> None:
    store.down = 503
    with pytest.raises(Transient, match="503"):
        project(SearchIndex(store.url), TEA, rows=lambda _: None)


def test_a_document_that_cannot_be_read_for_now_is_not_taken_for_a_new_one(
    store: VersionedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = [{"_id": "o-1", "error": {"type": "no_shard_available_action_exception"}}]
    monkeypatch.setattr(store, "found", lambda ids: away)

    with pytest.raises(Transient, match="cannot read one of the documents"):
        project(SearchIndex(store.url), TEA, rows=lambda _: None)


def test_an_answer_that_is_cut_off_is_an_outage(
    store: VersionedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(answer: object) -> None:
        raise IncompleteRead(b"")

    monkeypatch.setattr(json, "load", cut)

    with pytest.raises(Transient, match="IncompleteRead"):
        project(SearchIndex(store.url), TEA, rows=lambda _: None)


def test_a_store_that_is_away_is_waited_for() -> None:
    with serving(VersionedStore()) as store:
        url = store.url
    with pytest.raises(Transient, match="out of reach"):
        project(SearchIndex(url), TEA, rows=lambda _: None)


def test_an_index_that_is_not_there_yet_has_no_documents(store: VersionedStore) -> None:
    store.down = 404

    with pytest.raises(ApplyFailed) as failed:  # that of the write: this store makes no index
        project(SearchIndex(store.url), TEA, rows=lambda _: None)

    assert "_bulk" not in str(failed.value)
    assert "refuses a document: 404" in str(failed.value.__cause__)


def test_a_document_that_the_store_refuses_for_good_is_the_events_fault(
    store: VersionedStore,
) -> None:
    store.failing = {"o-1": 400}
    with pytest.raises(ApplyFailed) as failed:
        project(SearchIndex(store.url), TEA, rows=lambda _: None)
    assert "refuses a document: 400" in str(failed.value.__cause__)


def test_a_log_that_was_made_anew_is_passed_over_until_the_index_is_emptied(
    store: VersionedStore,
) -> None:
    Story(store, 1, 20, 300).apply(0, 2, epoch=1)
    anew = Story(store, 4000, 50000)

    anew.apply(0, 1, epoch=2)
    assert anew.cents == 321

    SearchIndex(store.url).reset()
    anew.apply(0, 1, epoch=2)
    assert anew.cents == 54000


def test_a_version_fits_and_does_not_where_it_cannot() -> None:
    assert version_of(IntOffset(7)) == 7
    assert version_of(StreamOffset(2**42 - 1, 2**21 - 1)) == 2**63 - 1
    for offset in (StreamOffset(2**42, 0), StreamOffset(0, 2**21)):
        with pytest.raises(ValueError, match="does not fit into a version of 63 bits"):
            version_of(offset)


@given(*[st.builds(StreamOffset, st.integers(0, 2**42 - 1), st.integers(0, 2**21 - 1))] * 2)
def test_versions_of_a_stream_are_in_its_order(one: StreamOffset, other: StreamOffset) -> None:
    assert (version_of(one) < version_of(other)) == (one < other)
