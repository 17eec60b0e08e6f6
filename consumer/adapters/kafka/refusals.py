"""Which of a client's errors are refusals, and what a person must mend then."""

from __future__ import annotations

import re

from confluent_kafka import KafkaError

_UNKNOWN = frozenset(
    {
        KafkaError._AUTHENTICATION,  # noqa: SLF001  librdkafka's own codes are spelled so
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
    }
)
#: What a broker that does not take our certificate says; librdkafka takes it for a bad line.
_ALERT = re.compile(r"SSL alert number \d+")
#: An issuer of tokens that is out of reach refuses nobody, though librdkafka's code says so.
_NO_ISSUER = re.compile(
    r"acquire SASL OAUTHBEARER token: .*(connect|resolve|timed? ?out|reset|recv failure)",
    re.IGNORECASE,
)
#: What an ACL must allow before it can work.
FORBIDDEN = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)


def what_to_mend(error: KafkaError) -> str | None:
    """What a person must mend; None where the client may wait by itself."""
    code, text = error.code(), error.str()
    if code in FORBIDDEN:
        return "let this user do it"
    if code == KafkaError._SSL:  # noqa: SLF001  as above
        return "mend the certificates"
    if _ALERT.search(text):
        return (
            "the broker does not take our certificate: is one named (ssl.certificate.location), is it "
            "in force, and does the broker know who signed it?"
        )
    if code in _UNKNOWN and not _NO_ISSUER.search(text):
        return "mend the credentials"
    return None
