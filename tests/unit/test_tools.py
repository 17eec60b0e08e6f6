"""Operators' tools are built once, whoever asks for them at the same time."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import tests.tools


def test_two_that_need_go_at_once_fetch_it_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fetched: list[list[str]] = []

    def run(command: list[str | Path], **_: object) -> subprocess.CompletedProcess[str]:
        said = [str(word) for word in command]
        if "install" in said:
            fetched.append(said)
            time.sleep(0.1)
            go = Path(said[0]).with_name("go")
            go.parent.mkdir(parents=True, exist_ok=True)
            go.touch()
        return subprocess.CompletedProcess(said, 0, "", "")

    monkeypatch.setattr(tests.tools.shutil, "which", lambda _: None)
    monkeypatch.setattr(tests.tools.subprocess, "run", run)
    monkeypatch.setattr(tests.tools, "cache", lambda: tmp_path)
    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(tests.tools._go) for _ in range(2)]
        assert {each.result(10) for each in found} == {tmp_path / "go/bin/go"}
    assert len(fetched) == 1
