"""CloudEvents' own SDKs as programs: each writes the events that it is given, and tells those that it reads."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
from cloudevents.core.bindings import kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from dateutil.parser import isoparse

from tests.jvm import Program

JAVA_SDK = Path(__file__).parent / "CloudEventsSdk.java"
JAVA_JARS = (
    "io.cloudevents:cloudevents-kafka:4.0.1",
    "io.cloudevents:cloudevents-json-jackson:4.0.1",
    "org.apache.kafka:kafka-clients:4.3.1",
    "org.slf4j:slf4j-nop:1.7.36",
)
_SECONDS = 60.0
#: What the header says of a batch.
BATCH = "application/cloudevents-batch+json"


class Stated(msgspec.Struct, frozen=True):
    """An event as its producer states it, or as a reader tells it."""

    attributes: Mapping[str, Any]
    #: The data as bytes; None is no data.
    content: bytes | None = None
    #: Whether a producer that can state data as text does so.
    is_text: bool = False


class Written(msgspec.Struct, frozen=True):
    """A record to be written: of one event in a mode, or a batch of several."""

    mode: str
    events: Sequence[Stated]


class Sdk(Protocol):
    """One SDK, on the test's own topic of one partition."""

    def write(self, topic: str, records: Sequence[Written]) -> None:
        """Each as a record, in this order."""

    def read(self, topic: str, count: int) -> Sequence[Stated]:
        """Each record as the SDK reads it."""


class AnotherLanguage:
    """An SDK in a program that takes and tells lines of JSON."""

    def __init__(self, run: Callable[[list[str], str], str], bootstrap: str) -> None:
        self._run = run
        self._bootstrap = bootstrap

    def write(self, topic: str, records: Sequence[Written]) -> None:
        lines = "".join(f"{msgspec.json.encode(each).decode()}\n" for each in records)
        self._run(["write", self._bootstrap, topic], lines)

    def read(self, topic: str, count: int) -> Sequence[Stated]:
        told = self._run(["read", self._bootstrap, topic, str(count)], "")
        return [msgspec.json.decode(line, type=Stated) for line in told.splitlines()]


def java_sdk(program: Program, bootstrap: str) -> Sdk:
    return AnotherLanguage(lambda given, lines: program.run(*given, given=lines), bootstrap)


def go_sdk(program: Path, bootstrap: str) -> Sdk:
    def run(given: list[str], lines: str) -> str:
        done = subprocess.run(
            [program, *given], input=lines, capture_output=True, encoding="utf-8", timeout=_SECONDS
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return AnotherLanguage(run, bootstrap)


class PythonSdk:
    """The SDK for Python: it makes what a client sends, and reads what a client got."""

    def __init__(self, bootstrap: str) -> None:
        self._config: dict[str, Any] = {"bootstrap.servers": bootstrap}

    def write(self, topic: str, records: Sequence[Written]) -> None:
        producer = Producer(self._config)
        for each in records:
            message = self._message(each)
            headers: Any = list(message.headers.items())
            producer.produce(topic, message.value, message.key, headers=headers)
        assert producer.flush(_SECONDS) == 0

    def read(self, topic: str, count: int) -> Sequence[Stated]:
        client = Consumer({**self._config, "group.id": "none", "auto.offset.reset": "error"})
        client.assign([TopicPartition(topic, 0, 0)])
        try:
            found = client.consume(count, timeout=_SECONDS)
        finally:
            client.close()
        return [_told(each) for each in found]

    def _message(self, record: Written) -> kafka.KafkaMessage:
        events = [_made(each) for each in record.events]
        if record.mode == "structured":
            return kafka.to_structured_event(events[0])
        if record.mode == "binary":
            return kafka.to_binary_event(events[0])
        # The SDK has no batch: an array of its events, each as its JSON format writes it.
        value = b"[" + b",".join(JSONFormat().write(event) for event in events) + b"]"
        return kafka.KafkaMessage({"content-type": BATCH.encode()}, None, value)


def _made(stated: Stated) -> CloudEvent:
    attributes = dict(stated.attributes)
    if "time" in attributes:
        attributes["time"] = isoparse(attributes["time"])
    data: Any = stated.content
    if data is not None and stated.is_text:
        data = data.decode()
    elif data is not None and attributes["datacontenttype"] == "application/json":
        data = json.loads(data)
    return CloudEvent(attributes, data)


def _told(message: Message) -> Stated:
    assert message.error() is None, message.error()
    headers: Any = message.headers() or []
    event = kafka.from_kafka_event(
        kafka.KafkaMessage(dict(headers), message.key(), message.value() or b"")
    )
    attributes = event.get_attributes()
    attributes["time"] = attributes["time"].isoformat()
    data = event.get_data()
    is_bytes = data is None or isinstance(data, bytes)
    content = data if is_bytes else msgspec.json.encode(data)
    return Stated({name: str(value) for name, value in attributes.items()}, content)
