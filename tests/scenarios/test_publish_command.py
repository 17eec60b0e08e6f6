"""`projections publish`, when it ends before its time: what is in the log by then is told."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from consumer.cli import exits
from tests.scenarios.shop import Shop, wait_until
from tests.servers import RedisServer

LINE = '{"type": "OrderPlaced", "subject": "order-1"}\n'


@pytest.fixture
def shop(tmp_path: Path, valkey: RedisServer) -> Shop:
    return Shop.at(tmp_path, redis=valkey.url, prefix=f"publish-{uuid4().hex}")


def test_a_line_that_is_no_event_ends_it_and_those_before_are_told(
    shop: Shop, valkey: RedisServer
) -> None:
    done = shop.projections("publish", shop.topic, "--file", "-", given=LINE * 2 + "x\n" + LINE)

    assert (done.returncode, done.stdout) == (exits.MISCONFIGURED, "")
    told, why = done.stderr.splitlines()
    assert told == f"published 2 events to {shop.topic}"
    assert why.startswith("line 3 is no CloudEvent: ")
    assert entries(shop, valkey) == 2


def test_ctrl_c_ends_it_and_those_before_are_told(shop: Shop, valkey: RedisServer) -> None:
    lines = shop.folder / "lines"
    os.mkfifo(lines)
    with (
        shop.running("publish", shop.topic, "--file", str(lines)) as publisher,
        lines.open("w") as writing,
        redis.Redis.from_url(valkey.url) as client,
    ):
        writing.write(LINE * 3)
        writing.flush()
        wait_until(lambda: client.exists(f"{shop.topic}:streams"))
        publisher.send_signal(signal.SIGINT)
        _, complained = publisher.communicate(timeout=30)

    assert publisher.returncode == 130
    count = entries(shop, valkey)
    told = f"published {count} {'event' if count == 1 else 'events'} to {shop.topic}"
    assert told in complained.splitlines()
    assert "Traceback" not in complained


def entries(shop: Shop, valkey: RedisServer) -> int:
    with redis.Redis.from_url(valkey.url) as client:
        return sum(int(client.xlen(f"{shop.topic}:{number}")) for number in range(4))
