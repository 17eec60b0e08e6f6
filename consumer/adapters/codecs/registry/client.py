"""A schema registry, asked through Confluent's client."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from confluent_kafka.schema_registry import (
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    SchemaRegistryError,
)

from consumer.adapters.codecs.registry.framing import SchemaId
from consumer.adapters.codecs.registry.outages import why
from consumer.adapters.codecs.registry.registered import Reference, Registered, Unregistered
from consumer.errors import Transient

#: Seconds for one answer, and for a schema with all that it refers to: a worker's loop waits for it.
_ANSWER, _SCHEMA = 2.0, 4.0

#: Seconds for all of it, whatever comes: to HTTP's client each byte is a sign that more may follow.
_ALTOGETHER = 10.0

#: Once more, for a connection that was cut.
_PATIENCE = {"timeout": _ANSWER, "max.retries": 1, "retries.wait.ms": 50, "retries.max.wait.ms": 50}

#: Seconds for which it is believed, at least, that a registry does not know a schema, and of how many schemas at
#: most: of a topic with many such records, which are passed over, not each may ask.
_UNKNOWN_FOR, _MOST_UNKNOWN = 1.0, 10_000

#: What a registry says of a subject, a version and a schema that it has not. Any other 404 is of no registry.
_UNKNOWN = frozenset({40401, 40402, 40403})

#: The client's properties, secrets as they are now; it may raise `Misconfigured`.
Config = Callable[[], Mapping[str, Any]]


class Registry:
    """Keeps what it was told for the life of the process, so that an outage stops nobody who has seen the schema.

    Safe to use from several threads. An outage is believed for as long as it took to find out, so that a loop
    with many partitions is not busy with it alone.
    """

    def __init__(self, url: str, config: Config) -> None:
        """Without a connection; messages name the `url`."""
        self._name = f"the schema registry {url}"
        self._config = config
        self._known: dict[SchemaId | tuple[str, int], Registered] = {}
        #: The last outage, and until when it is believed, by `time.monotonic`.
        self._outage: tuple[Transient, float] | None = None
        #: What it did not know, and until when that is believed.
        self._unknown: dict[SchemaId, tuple[Unregistered, float]] = {}
        #: That of the last question.
        self._client: SchemaRegistryClient | None = None
        self._lock = threading.Lock()

    def schema(self, schema_id: SchemaId) -> Registered:
        """The schema; raises `Unregistered`, and `Transient` where the registry cannot be asked."""
        with self._lock:
            return self._known.get(schema_id) or self._asked(schema_id)

    def reach(self) -> None:
        """Returns if the registry answers; else raises `Transient`."""
        with self._asking("types of schemas") as client:
            client.get_schema_types()

    def _asked(self, schema_id: SchemaId) -> Registered:
        began = time.monotonic()
        unknown = self._unknown.get(schema_id)
        if unknown is not None and began < unknown[1]:
            raise Unregistered(str(unknown[0]))
        title = f"schema {schema_id}"
        if self._outage is not None and began < self._outage[1]:
            raise Transient(f"{title} is wanted, and {self._outage[0]}")
        try:
            known = self._in_time(lambda: self._found(title, schema_id))
        except Transient as outage:
            ended = time.monotonic()
            self._outage = (outage, ended + (ended - began))
            raise Transient(f"{title} is wanted, and {outage}") from outage
        except Unregistered as unknown:
            if len(self._unknown) >= _MOST_UNKNOWN:
                self._unknown.clear()
            ended = time.monotonic()
            self._unknown[schema_id] = unknown, ended + max(_UNKNOWN_FOR, ended - began)
            raise
        self._known[schema_id] = known
        return known

    def _found(self, title: str, schema_id: SchemaId) -> Registered:
        with self._asking(title) as client:
            if isinstance(schema_id, int):
                told = client.get_schema(schema_id)
            else:
                told = client.get_schema_by_guid(schema_id)
            return self._whole(client, title, told, time.monotonic() + _SCHEMA)

    def _in_time(self, question: Callable[[], Registered]) -> Registered:
        """The answer, or what the question raises. Who is slower than `_ALTOGETHER` has his connection closed."""
        answer: Future[Registered] = Future()

        def ask() -> None:
            try:
                answer.set_result(question())
            except BaseException as cause:  # is raised by `result`
                answer.set_exception(cause)

        threading.Thread(target=ask, name="schema registry", daemon=True).start()
        try:
            return answer.result(_ALTOGETHER)
        except TimeoutError as cause:
            if self._client is not None:
                self._client.close()
            raise Transient(why(self._name, cause)) from cause

    def _whole(
        self, client: SchemaRegistryClient, title: str, told: Schema, deadline: float
    ) -> Registered:
        """With all that it refers to."""
        if not isinstance(told.schema_str, str) or not isinstance(told.schema_type, str | None):
            raise TypeError("an answer without a schema")
        references = [
            Reference(each.name or "", self._referred(client, title, each, deadline))
            for each in told.references or ()
        ]
        return Registered(title, told.schema_type or "AVRO", told.schema_str, references)

    def _referred(
        self, client: SchemaRegistryClient, title: str, told: SchemaReference, deadline: float
    ) -> Registered:
        """What is answered is kept, so that asking again goes on from there."""
        subject, version = told.subject or "", told.version or 0
        if (subject, version) not in self._known:
            if time.monotonic() > deadline:
                raise Transient(
                    f"{self._name} is slow, and {title} refers to many others: look at it"
                )
            referred = client.get_version(subject, version, deleted=True).schema
            whole = self._whole(client, f"version {version} of {subject}", referred, deadline)
            self._known[subject, version] = whole
        return self._known[subject, version]

    @contextmanager
    def _asking(self, title: str) -> Iterator[SchemaRegistryClient]:
        """A client for one question, with the secrets as they are now."""
        try:
            with SchemaRegistryClient({**self._config(), **_PATIENCE}) as client:
                self._client = client
                yield client
        except Transient:
            raise
        except SchemaRegistryError as cause:
            if cause.error_code in _UNKNOWN:
                raise Unregistered(
                    f"{self._name} knows no {title}, or not all that it refers to"
                ) from cause
            raise Transient(why(self._name, cause)) from cause
        except Exception as cause:  # whatever HTTP, TLS, and what somebody else answers, may raise
            raise Transient(why(self._name, cause)) from cause
