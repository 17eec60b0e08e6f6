"""What the image holds, and what it does not."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

from tests import containers
from tests.fleet import ROOT
from tests.image.conftest import TOLD, Image

#: Our layer in bytes, 84 MB when it was measured: 34 of them ask schema registries and read Avro.
LARGEST = 100_000_000
#: What packages bring in their wheels: certificates of public authorities, and a cache of Python that attrs forgot.
BROUGHT = ("/certifi/cacert.pem", "/attr/__pycache__/")
BUILD_TOOLS = ("gcc", "cc", "make", "git", "pip", "pip3", "uv", "hatchling")


@pytest.fixture(scope="session")
def ours(image: Image) -> set[str]:
    """Every file that the image has and its base has not."""

    def files(root: Path) -> set[str]:
        command = ["find", ".", "-xdev", "-not", "-type", "d"]
        found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
        return {line.removeprefix(".") for line in found.stdout.splitlines()}

    return files(image.files) - files(image.base_files)


@pytest.fixture(scope="session")
def packages(ours: set[str]) -> set[str]:
    """The folder with all Python packages, and what is in it."""
    return {
        match[2]
        for file in ours
        if (match := re.match(r"(/venv/lib/[^/]+/site-packages)/(.*)", file))
    }


def test_it_is_little_more_than_its_base(image: Image) -> None:
    base = containers.inspected(containers.BASE)
    assert 0 < image.inspected()["Size"] - base["Size"] < LARGEST


def test_it_is_its_base_and_one_layer(image: Image) -> None:
    layers = image.inspected()["RootFS"]["Layers"]
    assert layers[:-1] == containers.inspected(containers.BASE)["RootFS"]["Layers"]


def test_nothing_is_outside_its_environment(ours: set[str]) -> None:
    assert {file for file in ours if not file.startswith("/venv/")} == set()


def test_our_packages_are_the_projects_files_and_no_other(packages: set[str]) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "consumer", "projectors"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = {file for file in packages if file.startswith(("consumer/", "projectors/"))}
    assert found == {file for file in listed.stdout.splitlines() if (ROOT / file).exists()}


def test_every_package_is_one_of_the_lock_at_its_version(image: Image, packages: set[str]) -> None:
    python = containers.podman(
        *("run", "--rm", "--entrypoint", "python", image.name, "-c"),
        "import platform; print(platform.python_version())",
    )
    found = {
        match[1].replace("_", "-").lower(): match[2]
        for file in packages
        if (match := re.fullmatch(r"([^/]+)-([^-/]+)\.dist-info/METADATA", file))
    }
    assert found.pop("projection-consumer")
    locked = run_path(str(ROOT / "deploy/image/locked.py"))["locked"](python.strip())
    assert found == {
        name: re.search(r"==(\S+)", entry)[1]  # type: ignore[index]
        for name, entry in locked.items()
    }


def test_no_tests_no_docs_and_no_cache_of_python_come_along(
    ours: set[str], packages: set[str]
) -> None:
    ours = {file for file in ours if not any(each in file for each in BROUGHT)}
    assert {file for file in ours if "/.git" in file or file.endswith((".pyc", ".whl"))} == set()
    folders = {file.partition("/")[0] for file in packages}
    assert folders & {file.name for file in ROOT.iterdir()} == {"consumer", "projectors"}


def test_no_tool_of_a_build_is_in_it(image: Image, ours: set[str]) -> None:
    assert {file for file in ours if Path(file).name in BUILD_TOOLS} == set()
    folders = ("venv/bin", "usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")
    path = ":".join(str(image.files / folder) for folder in folders)
    assert [name for name in ("gcc", "cc", "make", "git") if shutil.which(name, path=path)] == []


def test_no_secret_and_no_word_of_the_machine_that_built_it(image: Image, ours: set[str]) -> None:
    found = image.inspected()
    history = containers.podman("history", "--no-trunc", "--format", "json", image.name)
    told = json.dumps([found["Config"]["Env"], found["Config"].get("Cmd")]) + history
    assert re.findall(r"(?i)password|secret|token|api_?key|index.url|pip\.conf|://", told) == []
    unwanted = {".netrc", ".pypirc", "pip.conf", ".npmrc", "ca-certificates.crt"}
    ours = {file for file in ours if not any(each in file for each in BROUGHT)}
    assert {
        file for file in ours if Path(file).name in unwanted or file.endswith((".pem", ".key"))
    } == set()


def test_its_environment_is_what_the_dockerfile_says(image: Image) -> None:
    config = image.inspected()["Config"]
    variables = dict(each.split("=", 1) for each in config["Env"])
    assert variables.pop("PATH").startswith("/venv/bin:")
    base = dict(
        each.split("=", 1)
        for each in containers.inspected(containers.BASE)["Config"].get("Env") or ()
    )
    assert {name: value for name, value in variables.items() if name not in base} == {
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "PROJECTIONS_CONFIG": "/etc/projections/projections.yaml",
    }


def test_it_runs_the_command_itself_as_a_user_who_owns_nothing(image: Image) -> None:
    config: dict[str, Any] = image.inspected()["Config"]
    assert config["Entrypoint"] == ["projections"]  # no shell in between
    assert (config["User"], config["WorkingDir"]) == ("10001:10001", "/app")
    assert list(config["ExposedPorts"]) == ["9464/tcp"]
    owners = {file.stat().st_uid for file in (image.files / "venv").rglob("*") if file.exists()}
    assert 10001 not in owners


def test_its_labels_say_what_it_is_and_of_which_commit(image: Image) -> None:
    labels = image.inspected()["Config"]["Labels"]
    prefix = "org.opencontainers.image."
    found = {name.removeprefix(prefix): value for name, value in labels.items() if prefix in name}
    assert found.pop("title") == "projection-consumer"
    assert "read models" in found.pop("description")
    assert found.pop("licenses") == "Apache-2.0"
    assert found == {name.lower(): value for name, value in TOLD.items()}
