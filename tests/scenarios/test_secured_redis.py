"""Redis as in production, as an operator meets it: each command ends with one line, and a secret may rotate."""

from __future__ import annotations

import signal
import uuid
from pathlib import Path

import pytest

from consumer.cli import exits
from tests.scenarios.secured_shop import shop_at
from tests.scenarios.shop import Shop, wait_until
from tests.secured import SecuredRedis

WRONG = "wr0ng-s3cret"
ONCE = {str(n): 1 for n in range(200)}
PLACED = '{"id": "0", "type": "OrderPlaced", "subject": "order-1"}\n'
COMMANDS = {
    "check": ("check",),
    "run": ("run", "orders"),
    "publish": ("publish", "TOPIC", "--file", "-"),
    "status": ("status",),
    "offsets list": ("offsets", "list"),
    "offsets reset": ("offsets", "reset", "orders", "--to-earliest", "--dry-run"),
}


def shop_with(
    folder: Path, redis: SecuredRedis, *, user: str, password: str, url: str = ""
) -> Shop:
    """Checkpoints and streams in the one Redis, as a user who may do everything."""
    name = f"run-{uuid.uuid4().hex}"
    (folder / "password").write_text(f"{password}\n")
    at = {
        "url": url or redis.trusting(),
        "username": user,
        "password_file": str(folder / "password"),
        "prefix": name,
    }
    return shop_at(
        folder,
        f"{name}-orders",
        offsets={"redis": at},
        source={"redis": {**at, "streams": 4, "lease_seconds": 2}},
    )


def user_of(redis: SecuredRedis, password: str) -> str:
    name = f"user-{uuid.uuid4().hex}"
    with redis.admin() as admin:
        admin.execute_command("ACL", "SETUSER", name, "on", f">{password}", "~*", "+@all")
    return name


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_password_ends_every_command_with_one_line(
    secured_redis: SecuredRedis, tmp_path: Path, command: str
) -> None:
    user = user_of(secured_redis, "first-s3cret")
    shop = shop_with(tmp_path, secured_redis, user=user, password=WRONG)
    words = [shop.topic if word == "TOPIC" else word for word in COMMANDS[command]]

    done = shop.projections(*words, given=PLACED)

    assert done.returncode == exits.MISCONFIGURED, done.stderr
    assert "invalid username-password pair" in done.stderr
    assert "Traceback" not in done.stderr
    assert WRONG not in done.stdout + done.stderr


def test_a_worker_does_not_wait_for_ever_for_a_server_that_speaks_tls(
    secured_redis: SecuredRedis, tmp_path: Path
) -> None:
    user = user_of(secured_redis, "first-s3cret")
    plain = f"redis://127.0.0.1:{secured_redis.port}/0"
    shop = shop_with(tmp_path, secured_redis, user=user, password="first-s3cret", url=plain)

    done = shop.projections("run", "orders")

    assert done.returncode == exits.MISCONFIGURED, done.stderr
    assert "speaks TLS: write rediss://" in done.stderr.splitlines()[-1]
    assert "s3cret" not in done.stderr


def test_a_worker_goes_on_by_itself_after_its_password_rotated(
    secured_redis: SecuredRedis, tmp_path: Path
) -> None:
    user = user_of(secured_redis, "first-s3cret")
    shop = shop_with(tmp_path, secured_redis, user=user, password="first-s3cret")
    shop.publish(range(100))
    with shop.running("run", "orders") as worker:
        wait_until(lambda: len(shop.applied) == 100)

        (shop.folder / "password").write_text("second-s3cret\n")
        with secured_redis.admin() as admin:
            admin.execute_command("ACL", "SETUSER", user, "resetpass", ">second-s3cret")
            assert admin.client_kill_filter(user=user) > 0
        shop.publish(range(100, 200))

        wait_until(lambda: shop.applied == ONCE)
        worker.send_signal(signal.SIGTERM)
        _, log = worker.communicate(timeout=30)

    assert worker.returncode == exits.DONE, log
    assert "s3cret" not in log


def test_a_worker_whose_password_was_changed_and_not_told_ends_with_one_line(
    secured_redis: SecuredRedis, tmp_path: Path
) -> None:
    user = user_of(secured_redis, "first-s3cret")
    shop = shop_with(tmp_path, secured_redis, user=user, password="first-s3cret")
    shop.publish(range(100))
    with shop.running("run", "orders") as worker:
        wait_until(lambda: len(shop.applied) == 100)

        with secured_redis.admin() as admin:
            admin.execute_command("ACL", "SETUSER", user, "resetpass", ">second-s3cret")
            admin.client_kill_filter(user=user)
        _, log = worker.communicate(timeout=30)

    assert worker.returncode == exits.MISCONFIGURED, log
    assert "Check the user, its password and its ACL" in log.splitlines()[-1]
    assert "s3cret" not in log
