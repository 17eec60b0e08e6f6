"""A container is killed with SIGKILL, from outside."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.fleet import eventually
from tests.kubernetes.story import Story


def test_a_container_killed_from_outside_comes_back_and_nothing_is_lost(story: Story) -> None:
    story.install()
    story.load()
    victim = story.pods.ready()[0]
    uid = story.kubectl("get", "pod", victim.name, "-o", "jsonpath={.metadata.uid}")
    worker = _worker_of(uid)
    if worker is None:
        pytest.skip(
            "the pods' processes are not of this machine, so nobody can kill them from here"
        )
    with story.pausing("a container killed with SIGKILL", below=12.0):
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: victim.restarts == 1, "its container is started anew")
        story.has_ready(2)
    story.restarts = 1
    story.ends()
    assert victim.ended == "Error"
    assert len(story.pods.said("started", victim)) == 2
    first, second = (line["owner"] for line in story.pods.said("started", victim))
    assert first != second, "who comes back is another owner, and so the first is fenced"


def _worker_of(uid: str) -> int | None:
    """The process of this machine that is the worker in the pod; a container engine writes `_` for `-`."""
    for group in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            is_its = uid in group.read_text().replace("_", "-")
            if is_its and b"projections" in (group.parent / "cmdline").read_bytes():
                return int(group.parent.name)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
    return None
