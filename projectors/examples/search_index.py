"""A read model on a store of its own, which knows no transactions: orders to be searched, in Elasticsearch or OpenSearch.

Each document is written under an external version, the offset up to which it holds. The store refuses whatever is
not above the version that is there, so of two workers the one that came further wins, whoever is late.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

import msgspec

from consumer import Batch, Event, IntOffset, Offset, StreamOffset, Transient

#: Seconds to wait for an answer; well below `apply_seconds`, which ends the process.
_SECONDS = 10
#: Of a version's 63 bits those for a stream's sequence; those before it last until the year 2109.
_SEQUENCE_BITS = 21
#: What is worth another try, of a document or of a request.
_PASSING = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class OrderPlaced(msgspec.Struct, frozen=True):
    """The data of `OrderPlaced`."""

    customer: str


class LineAdded(msgspec.Struct, frozen=True):
    """The data of `LineAdded`."""

    text: str
    cents: int


class Order(msgspec.Struct):
    """A document: what its events up to its version make of it."""

    customer: str = ""
    texts: list[str] = []
    cents: int = 0
    #: A document that was deleted would forget its version, and a late write would bring it back.
    is_cancelled: bool = False

    def fold(self, event: Event) -> None:
        """Takes the event in."""
        match event.type:
            case "OrderPlaced":
                self.customer = event.decode(OrderPlaced).customer
            case "LineAdded":
                line = event.decode(LineAdded)
                self.texts.append(line.text)
                self.cents += line.cents
            case _:
                self.is_cancelled = True


class SearchIndex:
    """Keeps a document for each order in the index that SEARCH_URL names, as in `http://localhost:9200/orders`.

    At least once, and yet each event counts once: those up to a document's version are in it already. All events of
    an order must come in one partition, for offsets of two cannot be compared.
    """

    name = "search-index"
    handles = frozenset({"OrderPlaced", "LineAdded", "OrderCancelled"})

    def __init__(self, url: str | None = None) -> None:
        self._url = url or os.environ.get("SEARCH_URL", "http://localhost:9200/orders")

    def apply(self, batch: Batch) -> None:
        """Reads the batch's documents, folds what is new to them, and writes those that changed, in a request each."""
        documents = self._load({event.aggregate_id for event in batch})
        changed: dict[str, tuple[Order, int]] = {}
        for event in batch:
            id, version = event.aggregate_id, version_of(event.offset)
            # What the store holds, and not what this batch added: events that one record bundles share its offset.
            order, known = documents.setdefault(id, (Order(), -1))
            if version > known:
                order.fold(event)
                changed[id] = (order, version)
        if changed:
            self._write(changed)

    def reset(self) -> None:
        """Deletes the index, and all versions with it, so that what is applied again is written again."""
        self._ask("DELETE", "?ignore_unavailable=true")

    def _load(self, ids: Iterable[str]) -> dict[str, tuple[Order, int]]:
        asked = json.dumps({"ids": sorted(ids)}).encode()
        found = self._ask("POST", "/_mget", asked, missing={"docs": []})
        return {
            document["_id"]: (msgspec.convert(document["_source"], Order), document["_version"])
            for document in found["docs"]
            if _is_there(document)
        }

    def _write(self, orders: Mapping[str, tuple[Order, int]]) -> None:
        lines: list[object] = []
        for id, (order, version) in sorted(orders.items()):
            under = {"_id": id, "version": version, "version_type": "external"}
            lines += [{"index": under}, msgspec.to_builtins(order)]
        body = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
        for item in self._ask("POST", "/_bulk", body)["items"]:
            _judge(item["index"]["status"])

    def _ask(self, method: str, path: str, body: bytes | None = None, missing: Any = None) -> Any:
        """The store's answer; `missing` where there is no index yet. `Transient` where it is worth another try."""
        headers = {
            "Content-Type": "application/x-ndjson" if path == "/_bulk" else "application/json"
        }
        request = Request(quote(self._url, ":/") + path, body, headers, method=method)  # noqa: S310  # the operator's
        try:
            with urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                return json.load(answer)
        except HTTPError as cause:
            with cause:
                if cause.code == HTTPStatus.NOT_FOUND and missing is not None:
                    return missing
                _judge(cause.code)
            raise
        except (URLError, OSError, HTTPException) as cause:
            raise Transient(f"the search index is out of reach: {type(cause).__name__}") from cause


def _is_there(document: Mapping[str, Any]) -> bool:
    """False where it does not exist; `Transient` where the store cannot tell, for a part of it is away."""
    if "error" in document:
        raise Transient("the search index cannot read one of the documents for now")
    return bool(document["found"])


def version_of(offset: Offset) -> int:
    """An offset as one number that grows with it, of 63 bits as the store takes it.

    Raises `ValueError` for a stream's entry whose sequence has no room; Redis itself gives none such.
    """
    if isinstance(offset, IntOffset):
        return offset.value
    assert isinstance(offset, StreamOffset)  # noqa: S101  # there is no third kind
    if offset.sequence >> _SEQUENCE_BITS or offset.milliseconds >> (63 - _SEQUENCE_BITS):
        raise ValueError(f"the stream's id {offset} does not fit into a version of 63 bits")
    return offset.milliseconds << _SEQUENCE_BITS | offset.sequence


def _judge(status: int) -> None:
    """A conflict is no failure: the document holds these events, and perhaps later ones."""
    if status in _PASSING:
        raise Transient(f"the search index cannot take it for now: {status}")
    if status >= HTTPStatus.BAD_REQUEST and status != HTTPStatus.CONFLICT:
        raise ValueError(f"the search index refuses a document: {status}")
