"""`make image`, `make sbom`, `make audit`: what they ask for, and what they say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

from tests.fleet import ROOT

FOLDER = ROOT / "deploy" / "image"
LOCKED: dict[str, str] = run_path(str(FOLDER / "locked.py"))["locked"]()

#: A pip-audit that tells what it is told to; the real one asks a service that may be out of reach.
PIP_AUDIT = "import os, sys; sys.stdout.write(os.environ['SAYS']); sys.exit('no route to host')"


def make_image(
    folder: Path, *engines: str, changed: bool = False, **variables: str
) -> subprocess.CompletedProcess[str]:
    """`make image` in a clone of its own, where these engines, and no other, write down their arguments."""
    clone, path = folder / "clone", folder / "bin"
    clone.mkdir()
    path.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, clone)
    for name in ("sh", "make", "git", "sed", "echo", "test"):
        (path / name).symlink_to(shutil.which(name) or name)
    for name in engines:
        told = folder / "arguments"
        script = f'#!/bin/sh\ntest "$1" = info || printf \'%s\\n\' {name} "$@" >{told}\n'
        (path / name).write_text(script)
        (path / name).chmod(0o755)
    git = ["git", "-C", str(clone), "-c", "user.name=a", "-c", "user.email=a@b.example"]
    origin = "https://someone:hidden@git.example/project.git"
    for words in (["init", "-q"], ["remote", "add", "origin", origin], ["add", "."]):
        subprocess.run([*git, *words], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "One"], check=True)
    if changed:
        (clone / "new").touch()
    environment = {"PATH": str(path), "HOME": str(folder), **variables}
    command = [str(path / "make"), "-C", str(clone), "image"]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def arguments(folder: Path) -> list[str]:
    return (folder / "arguments").read_text().splitlines()


def test_the_image_is_told_version_commit_source_and_time(tmp_path: Path) -> None:
    done = make_image(tmp_path, "docker", "podman")
    assert done.returncode == 0, done.stderr
    told = arguments(tmp_path)
    assert told[:4] == ["docker", "build", "--tag", f"projection-consumer:{ours()}"]
    values = dict(each.split("=", 1) for each in told if "=" in each)
    log = ["git", "-C", str(tmp_path / "clone"), "log", "-1", "--format=%H %cI"]
    commit, time = subprocess.check_output(log, text=True).split()
    assert values == {
        "VERSION": ours(),
        "REVISION": commit,
        "SOURCE": "https://git.example/project.git",  # without who may read it
        "CREATED": time,
    }


def ours() -> str:
    found = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert found
    assert found[1] == version("projection-consumer")
    return found[1]


def test_what_is_not_committed_is_told_too(tmp_path: Path) -> None:
    make_image(tmp_path, "docker", changed=True)
    (revision,) = [each for each in arguments(tmp_path) if each.startswith("REVISION=")]
    assert re.fullmatch(r"REVISION=[0-9a-f]{40}-dirty", revision)


def test_podman_builds_it_where_there_is_no_docker_and_the_name_can_be_another(
    tmp_path: Path,
) -> None:
    assert make_image(tmp_path, "podman", IMAGE="shop.example/ours:2").returncode == 0
    assert arguments(tmp_path)[:4] == ["podman", "build", "--tag", "shop.example/ours:2"]


def test_without_an_engine_one_line_says_so(tmp_path: Path) -> None:
    done = make_image(tmp_path)
    assert done.returncode != 0
    said, _ = done.stderr.splitlines()  # the other is make's own
    assert said == "Neither docker nor podman answers: an image needs one of them."


def test_the_bill_lists_every_package_with_its_version_and_its_hashes(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    subprocess.run([sys.executable, FOLDER / "sbom.py", file], check=True, timeout=60)
    bill: dict[str, Any] = json.loads(file.read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["name"] == "projection-consumer"
    found = {
        part["name"]: (
            part["version"],
            part["purl"],
            {each["content"] for link in part["externalReferences"] for each in link["hashes"]},
        )
        for part in bill["components"]
    }
    expected = {}
    for name, entry in LOCKED.items():
        (pinned,) = re.findall(r"==(\S+)", entry.partition(" ;")[0].partition(" --hash")[0])
        hashes = set(re.findall("sha256:([0-9a-f]{64})", entry))
        assert hashes
        expected[name] = (pinned, f"pkg:pypi/{name}@{pinned}", hashes)
    assert found == expected
    assert "colorama" not in found  # in the lock, for Windows
    again = tmp_path / "again.json"
    subprocess.run([sys.executable, FOLDER / "sbom.py", again], check=True, timeout=60)
    assert again.read_bytes() == file.read_bytes()


def audit(folder: Path, says: str) -> subprocess.CompletedProcess[str]:
    """The audit, with a pip-audit that prints this."""
    (folder / "pip_audit.py").write_text(PIP_AUDIT)
    environment = {**os.environ, "PYTHONPATH": str(folder), "SAYS": says}
    command = [sys.executable, str(FOLDER / "audit.py")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def answer(**changes: dict[str, Any]) -> str:
    """What pip-audit prints of the lock, where all is known and nothing is wrong but these."""
    each = ({"name": name, "version": "1", "vulns": [], **changes.get(name, {})} for name in LOCKED)
    return json.dumps({"dependencies": list(each), "fixes": []})


def test_an_audit_that_found_nothing_says_of_how_many_packages(tmp_path: Path) -> None:
    done = audit(tmp_path, answer())
    assert done.stdout == f"{len(LOCKED)} packages audited, 0 known vulnerabilities\n"
    assert done.returncode == 0


def test_a_known_vulnerability_is_named_and_fails(tmp_path: Path) -> None:
    known = [{"id": "PYSEC-2026-1", "fix_versions": ["2"]}]
    done = audit(tmp_path, answer(redis={"vulns": known}))
    assert done.stdout.startswith("redis 1: PYSEC-2026-1, mended in ['2']\n")
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ("", "cannot be reached: no route to host"),
        (answer(**{name: {"skip_reason": "?"} for name in LOCKED}), "cannot be reached, none of"),
        (answer(redis={"skip_reason": "?"}), "knows nothing of 1 packages: ['redis']"),
        (json.dumps({"dependencies": []}), "cannot be reached, none of"),
    ],
    ids=["no-service", "nothing-known", "one-unknown", "nothing-asked"],
)
def test_what_could_not_be_audited_fails_in_one_line(
    tmp_path: Path, says: str, reason: str
) -> None:
    done = audit(tmp_path, says)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("Not audited: the vulnerability service ")
    assert reason in line
