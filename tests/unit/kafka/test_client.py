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
