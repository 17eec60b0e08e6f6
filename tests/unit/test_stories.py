"""What the stories on Kubernetes say where they cannot play, and leave behind where they are killed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.kubernetes.ground import ground
from tests.kubernetes.load import _Pace
from tests.tools import ToolMissing


def test_a_load_whose_story_is_gone_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = _Pace(1.0)
    monkeypatch.setattr(
        "sys.stdin", io.StringIO("5\n")
    )  # which ends, as of a parent that was killed
    pace.follow()
    assert pace.ended.is_set()


@pytest.mark.parametrize("said", [{}, {"PROJECTIONS_TEST_HOST": "10.0.0.1"}])
def test_a_cluster_of_ones_own_is_told_what_else_it_takes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: dict[str, str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    (tmp_path / "config").touch()
    for name in ("PROJECTIONS_TEST_HOST", "PROJECTIONS_TEST_IMAGE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    wanted = r"PROJECTIONS_TEST_HOST.*PROJECTIONS_TEST_IMAGE"
    with pytest.raises(ToolMissing, match=wanted), ground():
        pass
