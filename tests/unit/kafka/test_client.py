"""What a client's errors mean, and who hears of them."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from consumer.adapters.kafka.client import Complaints
from consumer.errors import Misconfigured, SourceFailed


def heard(code: int, text: str, *, fatal: bool = False) -> Complaints:
    complaints = Complaints()
    complaints.was_let_in = True
    complaints.heard(KafkaError(code, text, fatal))
    return complaints


def test_what_the_client_waits_out_is_told_in_the_log_and_seldom_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    complaints = heard(KafkaError.COORDINATOR_NOT_AVAILABLE, "no coordinator 1")
    complaints.heard(KafkaError(KafkaError.COORDINATOR_NOT_AVAILABLE, "no coordinator 2"))
    assert complaints.verdict() is None
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "no coordinator 1" in record.message


def test_members_that_share_partitions_in_another_way_are_for_a_person_to_mend() -> None:
    complaints = heard(
        KafkaError.INCONSISTENT_GROUP_PROTOCOL,
        "JoinGroup failed: Broker: Inconsistent group protocol",
    )
    verdict = complaints.verdict()
    assert isinstance(verdict, Misconfigured)
    assert "Inconsistent group protocol" in str(verdict)
    assert "`group`" in str(verdict)
    assert "credentials" not in str(verdict)


def test_a_fatal_error_closes_the_client_and_a_refusal_stops_the_worker() -> None:
    fatal = heard(KafkaError._FENCED, "fenced", fatal=True)
    assert isinstance(fatal.verdict(), SourceFailed)
    refused = heard(KafkaError.GROUP_AUTHORIZATION_FAILED, "not allowed")
    assert isinstance(refused.verdict(), Misconfigured)
    assert refused.is_refused


class Speaker:
    """An `AdminClient` that was refused, and says so when it is polled."""

    def __init__(self, complaints: Complaints) -> None:
        self._complaints = complaints

    def poll(self, _wait: float) -> int:
        self._complaints.heard(KafkaError(KafkaError._AUTHENTICATION, "invalid credentials"))
        return 1


def test_a_client_for_questions_that_is_refused_counts_too() -> None:
    complaints = Complaints()
    complaints.was_let_in = True
    complaints.listen_to(Speaker(complaints))  # type: ignore[arg-type]  # it has what is used
    assert isinstance(complaints.verdict(), SourceFailed)


def test_what_a_look_at_the_broker_brought_stands_whatever_a_client_says_afterwards() -> None:
    complaints = Complaints()
    complaints.listen_to(Speaker(complaints))  # type: ignore[arg-type]  # it has what is used
    complaints.found("nobody we trust signed it")
    with pytest.raises(Misconfigured, match="nobody we trust signed it"):
        raise complaints.verdict() or AssertionError
    assert complaints.is_refused


@pytest.mark.parametrize(
    ("code", "text", "told"),
    [
        (KafkaError._AUTHENTICATION, "SASL authentication error", "credentials"),
        (
            KafkaError._AUTHENTICATION,
            'acquire SASL OAUTHBEARER token: {"error": "no"}',
            "credentials",
        ),
        (KafkaError._SSL, "certificate verify failed", "certificates"),
        (
            KafkaError._TRANSPORT,
            "Receive failed: ... SSL alert number 116 (after 0ms",
            "certificate",
        ),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "not allowed", "let this user"),
    ],
)
def test_what_a_person_must_mend_is_named(code: int, text: str, told: str) -> None:
    complaints = Complaints()
    complaints.heard(KafkaError(code, text))
    assert isinstance(complaints.verdict(), Misconfigured)
    assert told in str(complaints.verdict())


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (KafkaError._TRANSPORT, "Connection refused"),
        (KafkaError._TRANSPORT, "SSL connection closed by peer: connecting to a PLAINTEXT broker?"),
        (KafkaError._RESOLVE, "Name or service not known"),
        (KafkaError._AUTHENTICATION, "acquire SASL OAUTHBEARER token: Failed to connect to issuer"),
        (KafkaError._AUTHENTICATION, "acquire SASL OAUTHBEARER token: Connection timed out"),
        (KafkaError._AUTHENTICATION, "acquire SASL OAUTHBEARER token: Could not resolve host: x"),
    ],
)
def test_what_may_pass_by_itself_is_waited_out(code: int, text: str) -> None:
    complaints = Complaints()
    complaints.heard(KafkaError(code, text))
    assert complaints.verdict() is None
    assert text in complaints.last_words()


def test_once_let_in_a_refusal_opens_the_client_anew() -> None:
    complaints = heard(KafkaError._AUTHENTICATION, "invalid credentials")
    assert isinstance(complaints.verdict(), SourceFailed)


def test_the_broker_that_a_complaint_is_about_is_known() -> None:
    complaints = heard(KafkaError._TRANSPORT, "sasl_ssl://kafka-1:9093/bootstrap: no")
    assert complaints.about() == "kafka-1:9093"
    assert heard(KafkaError._TRANSPORT, "no").about() is None
