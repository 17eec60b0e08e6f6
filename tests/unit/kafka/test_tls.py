"""Where a look for what keeps TLS from working looks, and that it never raises."""

from __future__ import annotations

import ssl

import pytest

from consumer.adapters.kafka.tls import _place, _why, obstacle


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("kafka-1", ("kafka-1", 9092)),
        ("kafka-1:9093", ("kafka-1", 9093)),
        ("SASL_SSL://kafka-1:9093", ("kafka-1", 9093)),
        ("[::1]", ("::1", 9092)),
        ("[::1]:9093", ("::1", 9093)),
        ("fe80::1", ("fe80::1", 9092)),
    ],
)
def test_a_broker_is_looked_at_where_librdkafka_connects(
    address: str, place: tuple[str, int]
) -> None:
    assert _place(address) == place


@pytest.mark.parametrize(
    "address", ["", ":", "kafka-1:", "kafka-1:http", "kafka-1:99999", "[::1]:x", ":9092"]
)
@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SASL_SSL"])
def test_what_is_no_address_is_in_the_way_of_nothing(address: str, protocol: str) -> None:
    assert obstacle(address, {"security.protocol": protocol}) is None


def test_a_certificate_that_is_not_in_force_yet_points_to_the_clocks() -> None:
    cause = ssl.SSLCertVerificationError()
    cause.verify_code = 9
    assert "clocks" in _why(cause, "kafka-1")
