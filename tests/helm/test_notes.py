"""What Helm prints after an install: commands that name what was installed."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from tests.helm.conftest import CHART, SHOP, Render
from tests.helm.matrix import of
from tests.helm.typed import objects, ours, parsed

RELEASE = "a-release-of-a-long-name"
KEY = "o" * 40
#: A release and a projection whose names are cut, and one of a name that is no key.
BOTH: dict[str, Any] = {
    "projections": {KEY: SHOP["projections"]["orders"], "orders": {"name": "orders@2"}}
}


class Notes(Protocol):
    """The notes with these values."""

    def __call__(self, *values: dict[str, Any]) -> str: ...


@pytest.fixture
def notes(helm: Path, tmp_path: Path) -> Notes:
    """Helm tells them to a cluster alone, so they are rendered as a template of a copy of the chart."""
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    text = (chart / "templates" / "NOTES.txt").read_text()
    (chart / "templates" / "notes.yaml").write_text(
        '{{ define "notes" }}' + text + '{{ end }}\nnotes: {{ include "notes" . | toJson }}\n'
    )

    def notes(*values: dict[str, Any]) -> str:
        command = [str(helm), "template", RELEASE, str(chart), "--kube-version", "1.34.0"]
        command += ["--namespace", "shop", "--show-only", "templates/notes.yaml"]
        for number, each in enumerate(values):
            (tmp_path / f"{number}.yaml").write_text(yaml.safe_dump(each))
            command += ["-f", str(tmp_path / f"{number}.yaml")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return str(yaml.safe_load(done.stdout)["notes"])

    return notes


def commands(text: str) -> list[list[str]]:
    found = re.findall(r"\b(?:kubectl|helm) -n .*?(?=   |$)", text, re.MULTILINE)
    return [shlex.split(line) for line in found]


def test_every_command_names_what_was_installed_and_is_one_that_ours_takes(
    notes: Notes, render: Render, tmp_path: Path
) -> None:
    manifests = render(SHOP, BOTH, release=RELEASE)
    known = {(each["kind"], each["metadata"]["name"]) for each in manifests}
    typed = commands(notes(SHOP, BOTH))
    named = set()
    for words in typed:
        assert words[1:3] == ["-n", "shop"]
        named |= objects(words) if words[0] == "kubectl" else set()
        if (said := ours(words)) is not None:
            assert parsed(said, tmp_path)["name"] in {KEY, "orders@2"}
    assert {each for each in known if each[0] in {"Deployment", "CronJob"}} == named <= known
    assert typed[-1] == ["helm", "-n", "shop", "test", RELEASE]


def test_a_replay_that_is_not_there_is_not_told(notes: Notes) -> None:
    assert "cronjob/" in notes(SHOP)
    assert "cronjob/" not in notes(SHOP, of(replay={"enabled": False}))


def test_without_a_projection_the_notes_give_one_that_the_chart_takes(
    notes: Notes, render: Render
) -> None:
    (example,) = re.findall(r"^ +(projections: .*)$", notes(), re.MULTILINE)
    shared = {"settings": SHOP["settings"]}
    assert "Deployment" in {each["kind"] for each in render(shared, yaml.safe_load(example))}
