"""A small store of documents over HTTP that honours external versions, as Elasticsearch and OpenSearch do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any


class VersionedStore:
    """Documents with the versions under which they were written; a test may look, and get in the way."""

    def __init__(self) -> None:
        self.documents: dict[str, tuple[int, dict[str, Any]]] = {}
        #: The status of each document that was to be written.
        self.statuses: list[int] = []
        #: Called once each, before the next writes, on the writer's thread.
        self.before_writes: list[Callable[[], object]] = []
        #: Documents that are answered with a status, rather than written; and whole requests.
        self.failing: dict[str, int] = {}
        self.down: int | None = None
        self.ignores_versions = False
        self.url = ""
        self._lock = Lock()

    def found(self, ids: list[str]) -> list[dict[str, Any]]:
        with self._lock:
            return [
                {
                    "_id": id,
                    "found": True,
                    "_version": self.documents[id][0],
                    "_source": self.documents[id][1],
                }
                if id in self.documents
                else {"_id": id, "found": False}
                for id in ids
            ]

    def write(self, lines: list[Any]) -> list[dict[str, Any]]:
        if self.before_writes:
            self.before_writes.pop()()
        with self._lock:
            statuses = [
                self._put(line["index"], source)
                for line, source in zip(lines[::2], lines[1::2], strict=True)
            ]
        self.statuses += statuses
        return [{"index": {"status": status}} for status in statuses]

    def _put(self, under: dict[str, Any], source: dict[str, Any]) -> int:
        id, version = under["_id"], under["version"]
        assert under["version_type"] == "external"
        assert 0 <= version < 2**63
        if id in self.failing:
            return self.failing[id]
        known = self.documents.get(id)
        if known and version <= known[0] and not self.ignores_versions:
            return 409
        self.documents[id] = (version, source)
        return 200 if known else 201


@contextmanager
def serving(store: VersionedStore) -> Iterator[VersionedStore]:
    """The store at `store.url`, an index of its own."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if store.down:
                self._answer(store.down, {})
            elif self.path == "/orders/_mget":
                self._answer(200, {"docs": store.found(json.loads(body)["ids"])})
            else:
                assert self.path == "/orders/_bulk"
                assert body.endswith(b"\n")
                lines = [json.loads(line) for line in body.splitlines()]
                self._answer(200, {"items": store.write(lines)})

        def do_DELETE(self) -> None:
            store.documents.clear()
            self._answer(200, {"acknowledged": True})

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

        def _answer(self, status: int, document: object) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        store.url = f"http://127.0.0.1:{server.server_port}/orders"
        try:
            yield store
        finally:
            server.shutdown()
            thread.join()
