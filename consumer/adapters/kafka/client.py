"""A connected client, and what its errors mean for us."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from consumer.adapters.kafka.refusals import FORBIDDEN, what_to_mend
from consumer.adapters.kafka.tls import obstacle
from consumer.errors import ConsumerError, Misconfigured, SourceFailed, Transient

#: How long a client may take to reach a first broker, and how long if brokers refuse it: a person
#: must mend that, so there is nothing to wait for, but one of several brokers may be the odd one.
CONNECT_SECONDS = 10.0
REFUSED_SECONDS = 3.0
#: How long one question to the brokers may take. It is asked on the worker's one thread.
ASK_SECONDS = 3.0

#: The log does not hold the place that we asked for.
OUT_OF_RANGE = frozenset(
    {KafkaError._AUTO_OFFSET_RESET, KafkaError._LOG_TRUNCATION}  # noqa: SLF001
)
#: The broker that an error is about: `sasl_ssl://kafka-1:9093/bootstrap: ...`.
_ADDRESS = re.compile(r"[a-z_]+://([^/]+:\d+)/")
#: librdkafka repeats itself at each attempt to connect; once in so many seconds is enough.
_REPEAT_SECONDS = 10.0
_REMEMBERED_LINES = 1000


#: Users give one set of properties for readers and publishers; what one kind ignores is no news.
_OTHER_KIND = ("is a consumer property and will be", "is a producer property and will be")


class _SeldomTheSame(logging.Filter):
    """Lets a line pass once in `_REPEAT_SECONDS`, numbers left aside."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        line = record.getMessage()
        if any(words in line for words in _OTHER_KIND):
            return False
        text = "".join(letter for letter in line if not letter.isdigit())
        now = time.monotonic()
        if now - self._said.get(text, -_REPEAT_SECONDS) < _REPEAT_SECONDS:
            return False
        if len(self._said) > _REMEMBERED_LINES:
            self._said.clear()
        self._said[text] = now
        return True


LOGGER = logging.getLogger("consumer.adapters.kafka.client")
LOGGER.addFilter(_SeldomTheSame())
# Where no log is wanted, as by a command that ends with one line, there is none.
LOGGER.addHandler(logging.NullHandler())


class Complaints:
    """What a client complained of since it was made; it collects, and raises only when asked.

    librdkafka waits out every error but these: a fatal one, and being refused by the brokers, or by
    the other members of the group. What it waits out is logged, for else nobody would know of it.
    """

    def __init__(self) -> None:
        #: Whether the brokers let us in once; then a refusal may pass, and the next connection tells.
        self.was_let_in = False
        self._fatal: KafkaError | None = None
        self._refused: str | None = None
        self._found: str | None = None
        self._is_forbidden = False
        self._unlike: KafkaError | None = None
        self._last: KafkaError | None = None
        self._speakers: list[AdminClient] = []

    def heard(self, error: KafkaError) -> None:
        """The client's callback, and where errors among the records go; never raises."""
        if error.fatal():
            self._fatal = error
        elif advice := what_to_mend(error):
            self._is_forbidden = error.code() in FORBIDDEN
            self._refused = f"{error.str()}; {advice}"
        elif error.code() == KafkaError.INCONSISTENT_GROUP_PROTOCOL:
            self._unlike = error
        elif error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001  it says less than the others
            self._last = error
            LOGGER.warning("the Kafka client goes on trying: %s", error.str())

    def listen_to(self, admin: AdminClient) -> None:
        """Hears its errors too: it was made with `heard`, and nobody else polls it."""
        self._speakers.append(admin)

    def found(self, obstacle: str) -> None:
        """What a look at the broker brought; it is more exact than what the client said, and says again."""
        self._found = obstacle

    def about(self) -> str | None:
        """The address of the broker that the latest complaint is about, if it tells."""
        said = self._refused or (self._last and self._last.str()) or ""
        found = _ADDRESS.match(said)
        return found[1] if found else None

    @property
    def is_refused(self) -> bool:
        """Whether the brokers do not let us in."""
        return (self._found or self._refused) is not None

    def verdict(self) -> ConsumerError | None:
        """What to raise, if anything: `Misconfigured` where a person must act, else `SourceFailed`."""
        for admin in self._speakers:
            admin.poll(0)  # runs the callback
        refused = self._found or self._refused
        if refused is not None and (not self.was_let_in or self._is_forbidden):
            return Misconfigured(f"no way into Kafka: {refused}")
        if self._unlike is not None:
            return Misconfigured(
                "the group's other members share its partitions in another way than this worker "
                f"(cooperative-sticky, unless you set group.protocol): {self._unlike.str()}; give the "
                "projection a `group` of its own, or stop the others"
            )
        broken = self._fatal.str() if self._fatal else refused
        return None if broken is None else SourceFailed(f"the Kafka client cannot go on: {broken}")

    def last_words(self) -> str:
        """The latest of the errors that a client waits out by itself."""
        return "no broker answered" if self._last is None else str(self._last.str())


def connected_consumer(properties: dict[str, Any], topic: str, complaints: Complaints) -> Consumer:
    """A consumer that reached a broker and heard of `topic`; else `SourceFailed`, or `Misconfigured`
    if it was refused.
    """
    consumer = Consumer({**properties, "error_cb": complaints.heard}, logger=LOGGER)
    try:
        reach(consumer, properties, topic, complaints)
    except ConsumerError:
        consumer.close()
        raise
    return consumer


def asking(properties: Mapping[str, Any], complaints: Complaints) -> AdminClient:
    """A client for questions. Whatever refuses it counts among the `complaints`."""
    made: dict[str, Any] = {**properties, "error_cb": complaints.heard}
    admin = AdminClient(made, logger=LOGGER)
    complaints.listen_to(admin)
    return admin


def reach(
    client: Consumer | Producer | AdminClient,
    properties: Mapping[str, Any],
    topic: str,
    complaints: Complaints,
) -> None:
    """Returns once a broker told of `topic`; else `SourceFailed`, or `Misconfigured` if a person must act.

    `client` was made with `complaints.heard` as its `error_cb`.
    """
    began = time.monotonic()
    looked = False
    while True:
        try:
            client.list_topics(topic, timeout=1.0)
        except KafkaException as cause:
            client.poll(0)  # runs the callbacks
            waited = time.monotonic() - began
            if waited >= REFUSED_SECONDS and not looked:
                looked = True
                _look(properties, complaints)
            if waited < (REFUSED_SECONDS if complaints.is_refused else CONNECT_SECONDS):
                continue
            brokers = properties["bootstrap.servers"]
            raise complaints.verdict() or SourceFailed(
                f"no connection to Kafka at {brokers} within {waited:.0f} s: {complaints.last_words()}"
            ) from cause
        complaints.was_let_in = True
        return


def _look(properties: Mapping[str, Any], complaints: Complaints) -> None:
    named = str(properties["bootstrap.servers"]).split(",")
    for address in [about] if (about := complaints.about()) else named:
        if found := obstacle(address.strip(), properties):
            complaints.found(found)
            return


@contextmanager
def or_transient() -> Iterator[None]:
    """What would have a worker open its client again is an outage to who has no worker."""
    try:
        yield
    except SourceFailed as cause:
        raise Transient(str(cause)) from cause


def require_topics(client: Consumer | Producer, topics: Collection[str]) -> None:
    """`Misconfigured` if a topic does not exist; looks twice, for a starting broker may not know yet."""
    missing = _missing(client, topics)
    if missing:
        time.sleep(1.0)
        missing = _missing(client, missing)
    if missing:
        raise Misconfigured(
            "\n".join(
                f"the topic {topic} does not exist; make it: kafka-topics.sh --create --topic {topic} "
                f"--partitions N --bootstrap-server ..., or projections publish {topic} --partitions N ..."
                for topic in missing
            )
        )


def _missing(client: Consumer | Producer, topics: Collection[str]) -> list[str]:
    unknown = KafkaError.UNKNOWN_TOPIC_OR_PART
    errors = {
        topic: asked(lambda topic=topic: client.list_topics(topic, timeout=ASK_SECONDS))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        .topics[topic]
        .error
        for topic in topics
    }
    return [topic for topic, error in errors.items() if error and error.code() == unknown]


def asked(question: Callable[[], Any]) -> Any:
    """The brokers' answer; `Transient` if there is none in time, `Misconfigured` if they refuse."""
    try:
        return question()
    except KafkaException as cause:
        error = cause.args[0]
        if error.code() in FORBIDDEN:
            raise Misconfigured(f"Kafka does not allow it: {error.str()}") from cause
        raise Transient(f"Kafka did not answer: {error.str()}") from cause
