"""What the chart refuses of secrets, which belong into a Secret and into no values, and with which words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helm.conftest import SHOP, Refused, Render
from tests.helm.matrix import of, shared

MUST_REJECT: dict[str, tuple[dict[str, Any], str]] = {
    "a password": (
        shared(offsets={"redis": {"password": "hunter2"}}),
        "settings.offsets.redis.password holds a secret",
    ),
    "a password in a URL": (
        shared(offsets={"redis": {"url": "redis://u:hunter2@redis:6379"}}),
        "settings.offsets.redis.url holds a secret",
    ),
    "Kafka's password": (
        shared(sources={"main": {"kafka": {"config": {"sasl.password": "hunter2"}}}}),
        "kafka.config.sasl.password holds a secret",
    ),
    "a schema registry's password": (
        shared(sources={"main": {"kafka": {"schema_registry": {"password": "hunter2"}}}}),
        "schema_registry.password holds a secret",
    ),
    "a schema registry's token": (
        shared(sources={"main": {"kafka": {"schema_registry": {"token": "hunter2"}}}}),
        "schema_registry.token holds a secret",
    ),
    "a password behind a dollar sign": (
        shared(offsets={"redis": {"password": "$hunter2"}}),
        "settings.offsets.redis.password holds a secret",
    ),
    "a password for when a variable is not set": (
        shared(offsets={"redis": {"password": "${REDIS_PASSWORD:-hunter2}"}}),
        "settings.offsets.redis.password holds a secret",
    ),
    "a password in the query of a URL": (
        shared(offsets={"redis": {"url": "redis://redis:6379/0?password=hunter2"}}),
        "settings.offsets.redis.url holds a secret",
    ),
    "a password in a variable": (
        of(env=[{"name": "REDIS_PASSWORD", "value": "hunter2"}]),
        "projections.orders.env.REDIS_PASSWORD holds a secret",
    ),
    "the key of a certificate": (
        shared(sources={"main": {"kafka": {"config": {"ssl.key.pem": "hunter2"}}}}),
        "ssl.key.pem holds a secret",
    ),
    "a read model's password": (
        of(settings={"read_model": {"postgresql": {"url": "postgresql://u:hunter2@p/db"}}}),
        "projections.orders.settings.read_model.postgresql.url holds a secret",
    ),
    **{
        f"a secret called {name}": (
            of(env=[{"name": name, "value": "hunter2"}]),
            f"projections.orders.env.{name} holds a secret",
        )
        for name in (
            "passPhrase",
            "DB_PASSWD",
            "SECRET_KEY",
            "PRIVATE_KEY",
            "AWS_SECRET_ACCESS_KEY",
            "CLIENT_SECRET",
            "API_KEY",
            "apikey",
        )
    },
    "a token in a variable": (
        of(env=[{"name": "API_TOKEN", "value": "hunter2"}]),
        "projections.orders.env.API_TOKEN holds a secret",
    ),
}


@pytest.mark.parametrize(("values", "words"), MUST_REJECT.values(), ids=MUST_REJECT)
def test_it_refuses(render: Render, values: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused) as refused:
        render(SHOP, values)
    assert words in str(refused.value)
    assert "hunter2" not in str(refused.value)
