"""Kafka as in production, as an operator meets it: each command ends with one line, and a secret may rotate."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from consumer.adapters.kafka.publisher import create_topic
from consumer.cli import exits
from tests.scenarios.secured_shop import kafka_source, shop_at
from tests.scenarios.shop import Shop, facts, wait_until
from tests.secured import SecuredKafka

WRONG = "wr0ng-s3cret"
PASSWORD = "sasl.password"
ONCE = {str(n): 1 for n in range(200)}
PLACED = '{"id": "0", "type": "OrderPlaced", "subject": "order-1"}\n'

#: Who is refused cannot say goodbye to the group either, which waits for so long.
SOON_GIVEN_UP = {"session_timeout_ms": "6000", "heartbeat_interval_ms": "500"}

#: Every command that talks to a broker.
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "check": ("check",),
    "run": ("run", "orders"),
    "run to the end": ("run", "orders", "--until-caught-up"),
    "publish": ("publish", "TOPIC", "--file", "-"),
    "publish, and make the topic": ("publish", "TOPIC", "--file", "-", "--partitions", "2"),
    "status": ("status",),
    "offsets reset": ("offsets", "reset", "orders", "--to-earliest", "--dry-run"),
}


@pytest.fixture
def topic(secured_kafka: SecuredKafka) -> str:
    name = f"orders-{uuid.uuid4().hex}"
    create_topic(secured_kafka.scram(), name, 4)
    return name


def shop_with(
    folder: Path, topic: str, config: Mapping[str, str], *, token: str | None = None
) -> Shop:
    secrets = [name for name in (PASSWORD, "sasl.oauthbearer.client.secret") if name in config]
    source = kafka_source(folder, config, in_files=secrets, token=token)
    return shop_at(folder, topic, offsets={"sqlite": {"path": "offsets.db"}}, source=source)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_password_ends_every_command_with_one_line(
    secured_kafka: SecuredKafka, topic: str, tmp_path: Path, command: str
) -> None:
    shop = shop_with(tmp_path, topic, secured_kafka.scram(sasl_password=WRONG))
    words = [topic if word == "TOPIC" else word for word in COMMANDS[command]]

    done = shop.projections(*words, given=PLACED)

    assert done.returncode == exits.MISCONFIGURED, done.stderr
    (said,) = [each for each in (done.stdout + done.stderr).splitlines() if "no way into" in each]
    assert "invalid credentials" in said
    assert "Traceback" not in done.stderr
    if "run" not in command and "publish" not in command:  # these log, and the client with them
        assert "[thrd:" not in done.stderr
    assert WRONG not in done.stdout + done.stderr


MISTAKES: Mapping[str, tuple[Callable[[SecuredKafka], Mapping[str, str]], str]] = {
    "an expired certificate": (
        lambda kafka: kafka.mutual(bootstrap_servers=kafka.at("expired")),
        "it has expired",
    ),
    "a wrong host name": (
        lambda kafka: kafka.mutual(bootstrap_servers=kafka.at("misnamed")),
        "does not name 127.0.0.1",
    ),
    "a wrong secret of OIDC": (
        lambda kafka: kafka.oidc(sasl_oauthbearer_client_secret=WRONG),
        "invalid_client",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_worker_does_not_try_for_ever_what_a_person_must_mend(
    secured_kafka: SecuredKafka, topic: str, tmp_path: Path, mistake: str
) -> None:
    config, told = MISTAKES[mistake]
    shop = shop_with(tmp_path, topic, config(secured_kafka))

    done = shop.projections("run", "orders")

    assert done.returncode == exits.MISCONFIGURED, done.stderr
    assert told in done.stderr.splitlines()[-1]
    assert WRONG not in done.stderr


TOKENS = """
import json, time, urllib.request
from pathlib import Path

def token():
    if Path("away").exists():
        raise ConnectionError("s3cret-words")
    if Path("nonsense").exists():
        return "s3cret-words"
    given = urllib.request.urlopen("{issuer}/token", "{form}".encode())
    return json.load(given)["access_token"], time.time() + 300
"""


@pytest.fixture
def token_shop(secured_kafka: SecuredKafka, topic: str, tmp_path: Path) -> Shop:
    issuer = secured_kafka.issuer
    form = f"client_id={issuer.client}&client_secret={issuer.secret}"
    (tmp_path / "tokens.py").write_text(TOKENS.format(issuer=issuer.url, form=form))
    return shop_with(tmp_path, topic, secured_kafka.token(), token="tokens:token")


def test_tokens_of_a_function_of_ones_own_let_a_worker_in(token_shop: Shop) -> None:
    token_shop.publish(range(200))

    assert token_shop.projections("check").returncode == exits.DONE
    done = token_shop.projections("run", "orders", "--until-caught-up")

    assert done.returncode == exits.DONE, done.stderr
    assert token_shop.applied == ONCE


@pytest.mark.parametrize("offline", [["--offline"], []])
def test_a_function_that_is_not_there_is_told(token_shop: Shop, offline: list[str]) -> None:
    settings = token_shop.folder / "projections.yaml"
    settings.write_text(settings.read_text().replace("tokens:token", "tokens:tokens"))

    done = token_shop.projections("check", *offline)

    assert done.returncode == exits.MISCONFIGURED
    assert "tokens has no tokens; did you mean token?" in done.stderr


def test_a_token_that_is_none_is_told_and_not_quoted(token_shop: Shop) -> None:
    (token_shop.folder / "nonsense").touch()

    done = token_shop.projections("run", "orders")

    assert done.returncode == exits.MISCONFIGURED
    assert "tokens:token returned something of type str" in done.stderr.splitlines()[-1]
    assert "s3cret-words" not in done.stderr


def test_a_worker_waits_for_a_function_that_raises_and_goes_on_by_itself(token_shop: Shop) -> None:
    token_shop.publish(range(200))
    (token_shop.folder / "away").touch()
    with token_shop.running("run", "orders") as worker:
        assert worker.stderr is not None
        line = ""
        while "tokens:token raised ConnectionError" not in line:
            line = worker.stderr.readline()
            assert line, "it ended"
        (token_shop.folder / "away").unlink()
        wait_until(lambda: token_shop.applied == ONCE)
        worker.send_signal(signal.SIGTERM)
        _, log = worker.communicate(timeout=30)

    assert worker.returncode == exits.DONE, log
    assert "s3cret-words" not in line + log


def test_a_worker_goes_on_by_itself_after_its_password_rotated(
    secured_kafka: SecuredKafka, topic: str, tmp_path: Path
) -> None:
    user = f"rotating{uuid.uuid4().hex}"
    secured_kafka.scram_user(user, "first-s3cret")
    secured_kafka.lets_work(user, topic, "orders")
    config = secured_kafka.scram(sasl_username=user, sasl_password="first-s3cret", **SOON_GIVEN_UP)
    shop = shop_with(tmp_path, topic, config)
    shop.publish(range(100))
    with shop.running("run", "orders") as worker:
        wait_until(lambda: len(shop.applied) == 100)

        secured_kafka.scram_user(user, "second-s3cret")
        (shop.folder / PASSWORD).write_text("second-s3cret\n")
        secured_kafka.server.restart()  # which breaks every connection
        shop.publish(range(100, 200))

        wait_until(lambda: shop.applied == ONCE, seconds=60)
        worker.send_signal(signal.SIGTERM)
        _, log = worker.communicate(timeout=30)

    assert worker.returncode == exits.DONE, log
    assert any(fact["event"] == "rejoining" for fact in facts(log)), log
    assert "s3cret" not in log


def test_a_worker_whose_password_was_changed_and_not_told_ends_with_one_line(
    secured_kafka: SecuredKafka, topic: str, tmp_path: Path
) -> None:
    user = f"forgotten{uuid.uuid4().hex}"
    secured_kafka.scram_user(user, "first-s3cret")
    secured_kafka.lets_work(user, topic, "orders")
    config = secured_kafka.scram(sasl_username=user, sasl_password="first-s3cret", **SOON_GIVEN_UP)
    shop = shop_with(tmp_path, topic, config)
    shop.publish(range(100))
    with shop.running("run", "orders") as worker:
        wait_until(lambda: len(shop.applied) == 100)

        secured_kafka.scram_user(user, "second-s3cret")
        secured_kafka.server.restart()
        _, log = worker.communicate(timeout=60)

    assert worker.returncode == exits.MISCONFIGURED, log
    assert "no way into Kafka" in log.splitlines()[-1]
    assert "s3cret" not in log
