"""Secrets that stand in files, and tokens that a function gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from consumer.errors import Misconfigured
from consumer.settings.offsets import RedisConnection
from consumer.settings.shape import secret_in
from consumer.settings.sources import KafkaSettings


def test_a_secret_file_that_went_away_is_told_by_its_path(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("first")
    kafka = KafkaSettings.model_validate(
        {"bootstrap_servers": ["kafka:9092"], "config_files": {"sasl.password": secret}}
    )
    redis = RedisConnection.model_validate({"url": "redis://redis", "password_file": secret})
    secret.unlink()

    for read in (lambda: kafka.properties, lambda: redis.secret):
        with pytest.raises(Misconfigured, match=r"cannot read .*secret: No such file"):
            read()


def test_a_secret_file_without_text_is_told_without_quoting_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"s3cret\xff")

    with pytest.raises(Misconfigured, match="does not hold text in UTF-8") as raised:
        secret_in(secret)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("text", ["shop.tokens", "shop.tokens:", "shop tokens:token"])
def test_the_function_of_tokens_is_an_import_string(text: str) -> None:
    with pytest.raises(ValidationError, match="no import string"):
        KafkaSettings.model_validate({"bootstrap_servers": ["kafka:9092"], "token": text})
