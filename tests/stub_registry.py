"""A schema registry for tests, in this process: it keeps to Confluent's REST API, and fails as it is told to."""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from consumer.embedded.process import HOST, free_port
from tests.secured import Certificate

_JSON = "application/vnd.schemaregistry.v1+json"
#: What stands for the registry's own codes: https://docs.confluent.io, "Errors".
_NO_SUBJECT, _NO_VERSION, _NO_SCHEMA = 40401, 40402, 40403

Answer = tuple[int, Any]


class StubRegistry:
    """Subjects and schemas in memory. What a test sets holds from the next question on."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self.scheme = "http"
        #: `user:password`, or a token; None asks for neither.
        self.password: str | None = None
        self.token: str | None = None
        #: Answers each question so, if it is set: a status and a body, of JSON or raw bytes.
        self.answers: Answer | None = None
        #: Seconds that it takes to answer.
        self.takes = 0.0
        #: The paths that were asked for, in order.
        self.asked: list[str] = []
        self._schemas: dict[int, dict[str, Any]] = {}
        self._subjects: dict[str, list[int]] = {}
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"{self.scheme}://{HOST}:{self.port}"

    def register(
        self,
        subject: str,
        schema: Any,
        *references: tuple[str, str, int],
        type: str = "AVRO",
    ) -> int:
        """The id; references are a name, a subject and a version each."""
        text = schema if isinstance(schema, str) else json.dumps(schema)
        told = [dict(zip(("name", "subject", "version"), each, strict=True)) for each in references]
        return self._registered(subject, {"schema": text, "schemaType": type, "references": told})

    def guid(self, schema_id: int) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, str(schema_id)))

    @contextmanager
    def served(
        self, certificate: Certificate | None = None, *, client_ca: str | None = None
    ) -> Iterator[StubRegistry]:
        """Up while inside; over TLS with a certificate, and asking for one with `client_ca`."""
        server = ThreadingHTTPServer((HOST, self.port), self._handler())
        server.daemon_threads = True
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate.chain, certificate.key)
            if client_ca is not None:
                context.load_verify_locations(client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
            self.scheme = "https"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def answer(self, method: str, path: str, authorization: str | None, body: Any) -> Answer:
        self.asked.append(path)
        time.sleep(self.takes)
        if self.answers is not None:
            return self.answers
        if not self._lets_in(authorization):
            return 401, {"error_code": 401, "message": "Unauthorized"}
        for pattern, allowed, deed in self._routes():
            if (found := re.fullmatch(pattern, path)) and method == allowed:
                return deed(*found.groups(), body)
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _routes(self) -> Sequence[tuple[str, str, Any]]:
        return (
            (r"/schemas/types", "GET", lambda _: (200, ["AVRO", "JSON", "PROTOBUF"])),
            (r"/schemas/ids/(\d+)", "GET", lambda number, _: self._schema(int(number))),
            (r"/schemas/guids/([\w-]+)", "GET", self._by_guid),
            (r"/subjects/([^/]+)/versions", "POST", self._register),
            (r"/subjects/([^/]+)/versions/(\d+|latest)", "GET", self._version),
        )

    def _schema(self, number: int) -> Answer:
        if number not in self._schemas:
            return 404, {"error_code": _NO_SCHEMA, "message": f"Schema {number} not found"}
        return 200, {**self._schemas[number], "guid": self.guid(number)}

    def _by_guid(self, guid: str, _: Any) -> Answer:
        numbers = {self.guid(number): number for number in self._schemas}
        return self._schema(numbers.get(guid, 0))

    def _version(self, subject: str, version: str, _: Any) -> Answer:
        numbers = self._subjects.get(subject)
        if numbers is None:
            return 404, {"error_code": _NO_SUBJECT, "message": f"Subject '{subject}' not found."}
        at = len(numbers) if version == "latest" else int(version)
        if not 1 <= at <= len(numbers):
            return 404, {"error_code": _NO_VERSION, "message": f"Version {version} not found."}
        number = numbers[at - 1]
        named = {"subject": subject, "version": at, "id": number}
        return 200, named | self._schema(number)[1]

    def _register(self, subject: str, body: Any) -> Answer:
        return 200, {
            "id": self._registered(subject, {"schemaType": "AVRO", "references": [], **body})
        }

    def _registered(self, subject: str, schema: dict[str, Any]) -> int:
        kept = {name: schema[name] for name in ("schema", "schemaType", "references")}
        with self._lock:
            same = [number for number, known in self._schemas.items() if known == kept]
            number = same[0] if same else len(self._schemas) + 1
            self._schemas[number] = kept
            numbers = self._subjects.setdefault(subject, [])
            if number not in numbers:
                numbers.append(number)
        return number

    def _lets_in(self, authorization: str | None) -> bool:
        if self.password is not None:
            return authorization == f"Basic {base64.b64encode(self.password.encode()).decode()}"
        return self.token is None or authorization == f"Bearer {self.token}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(None)

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                self._answer(json.loads(self.rfile.read(length) or b"null"))

            def _answer(self, body: Any) -> None:
                path = self.path.partition("?")[0]
                status, told = registry.answer(
                    self.command, path, self.headers.get("authorization"), body
                )
                raw = told if isinstance(told, bytes) else json.dumps(told).encode()
                with suppress(OSError):  # who asked may have given up
                    self.send_response(status)
                    self.send_header("content-type", _JSON)
                    self.send_header("content-length", str(len(raw)))
                    self.end_headers()
                    self.wfile.write(raw)

            def log_message(self, format: str, *args: object) -> None:
                """Tests tell what they saw by themselves."""

        return Handler
