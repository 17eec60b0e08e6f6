"""What the stories on Kubernetes leave behind where their run is killed: nothing."""

from __future__ import annotations

import io

import pytest

from tests.kubernetes.load import _Pace


def test_a_load_whose_story_is_gone_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = _Pace(1.0)
    monkeypatch.setattr(
        "sys.stdin", io.StringIO("5\n")
    )  # which ends, as of a parent that was killed
    pace.follow()
    assert pace.ended.is_set()
