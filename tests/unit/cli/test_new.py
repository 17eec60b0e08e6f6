"""`projections new` makes a project that passes our own checks, and touches nothing that is there."""

from __future__ import annotations

import errno
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from consumer.cli import exits
from consumer.cli.program import run_program
from consumer.settings.schema import json_schema

Call = Callable[..., tuple[int, str, str]]

FILES = {
    *(".dockerignore", "Dockerfile", "README.md", "events.jsonl", "pyproject.toml"),
    *("projections.yaml", "projections.schema.json", "tests/test_read_model.py"),
}


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """Runs the program in an empty folder: exit code, output, complaints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])

    def called(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["projections", *words])
        with pytest.raises(SystemExit) as ended:
            run_program()
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return called


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("", "'' cannot name a projection: use 1 to 100 letters"),
        ("a/b", "'a/b' cannot name a projection: use 1 to 100 letters"),
        ("../up", "'../up' cannot name a projection: use 1 to 100 letters"),
        ("2024", "'2024' cannot name a Python package: use letters and digits, with single dots"),
        ("orders@2", "'orders@2' cannot name a Python package: use letters and digits, with sing"),
        ("a--b", "'a--b' cannot name a Python package: use letters and digits, with single dots"),
        ("orders-", "'orders-' cannot name a Python package: use letters and digits, with single"),
        ("class", "'class' cannot name a Python package: class is taken, by Python, by us, or by"),
        ("json", "'json' cannot name a Python package: json is taken, by Python, by us, or by a"),
        ("Redis", "'Redis' cannot name a Python package: redis is taken, by Python, by us, or by"),
        (
            "consumer",
            "'consumer' cannot name a Python package: consumer is taken, by Python, by us",
        ),
        (
            "tests",
            "'tests' cannot name a Python package: tests is taken, by Python, by us, or by a",
        ),
        *(
            (
                name,
                f"{name!r} cannot name a Python package: {re.sub('[.-]', '_', name).lower()} is tak",
            )
            # Where pip would put the project in the place of what it needs.
            for name in ("projection-consumer", "Projection.Consumer", "PyYAML", "hatchling")
        ),
        (
            "test",
            "'test' cannot name a Python package: test is taken, by Python, by us, or by a pack",
        ),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_in_a_line(
    call: Call, tmp_path: Path, name: str, complaint: str
) -> None:
    code, out, err = call("new", name)

    assert (code, out) == (exits.MISCONFIGURED, "")
    assert err.startswith(complaint)
    assert err.count("\n") == 1
    assert files(tmp_path) == set()


def test_no_file_is_overwritten_and_none_is_made_beside_one_in_the_way(
    call: Call, tmp_path: Path
) -> None:
    (tmp_path / "orders").mkdir()
    for name in ("README.md", "Dockerfile"):
        (tmp_path / "orders" / name).write_text("mine")

    code, out, err = call("new", "orders")

    assert (code, out) == (exits.MISCONFIGURED, "")
    assert err == "nothing was made: there is orders/Dockerfile, orders/README.md already\n"
    assert files(tmp_path) == {"orders/README.md", "orders/Dockerfile"}
    assert (tmp_path / "orders/README.md").read_text() == "mine"


def test_a_folder_that_is_not_there_is_said_in_a_line(call: Call, tmp_path: Path) -> None:
    code, _, err = call("new", "orders", "--into", "no/where")

    assert (code, err) == (exits.MISCONFIGURED, "there is no folder no: make it first\n")
    assert files(tmp_path) == set()


def test_a_file_where_the_folder_would_be_is_said_in_a_line(call: Call, tmp_path: Path) -> None:
    (tmp_path / "orders").write_text("a file")

    code, _, err = call("new", "orders")

    assert (code, err) == (exits.MISCONFIGURED, "nothing was made: there is orders already\n")


@pytest.mark.parametrize("path", ["README.md", "tests", "orders/read_model.py"])
def test_a_link_to_nowhere_is_in_the_way_too(call: Call, tmp_path: Path, path: str) -> None:
    link = tmp_path / "it" / path
    link.parent.mkdir(parents=True)
    link.symlink_to("nowhere")

    code, _, err = call("new", "orders", "--into", "it")

    assert (code, err) == (exits.MISCONFIGURED, f"nothing was made: there is it/{path} already\n")
    assert files(tmp_path) == set()


def test_what_was_made_before_a_write_failed_is_taken_back(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = Path.mkdir

    def full(path: Path, *args: Any) -> None:
        if path.name == "tests":
            raise OSError(errno.ENOSPC, "No space left on device")
        mkdir(path, *args)

    monkeypatch.setattr(Path, "mkdir", full)
    code, out, err = call("new", "orders")

    assert (code, out) == (exits.MISCONFIGURED, "")
    assert err == "cannot make orders/tests/test_read_model.py: No space left on device\n"
    assert list(tmp_path.iterdir()) == []


def test_it_is_made_in_a_folder_of_its_name_or_in_the_one_that_is_named(
    call: Call, tmp_path: Path
) -> None:
    code, out, err = call("new", "orders")
    assert (code, err) == (exits.DONE, "")
    package = {"orders/__init__.py", "orders/read_model.py"}
    assert files(tmp_path / "orders") == FILES | package
    assert set(out.splitlines()[:-1]) == {f"orders/{path}" for path in FILES | package}
    assert out.splitlines()[-1] == "orders/README.md says how to go on"

    elsewhere = tmp_path / "git"
    elsewhere.mkdir()
    (elsewhere / "LICENSE").touch()
    assert call("new", "order-totals", "--into", "git")[0] == exits.DONE
    package = {"order_totals/__init__.py", "order_totals/read_model.py"}
    assert files(elsewhere) == FILES | package | {"LICENSE"}
    assert "class OrderTotals:" in (elsewhere / "order_totals/read_model.py").read_text()
    assert 'name = "order-totals"' in (elsewhere / "order_totals/read_model.py").read_text()


@pytest.mark.parametrize("source", ["kafka", "redis"])
def test_its_settings_are_not_marked_by_the_schema_that_stands_beside_them(
    call: Call, tmp_path: Path, source: str
) -> None:
    call("new", "orders", "--source", source)
    folder = tmp_path / "orders"
    text = (folder / "projections.yaml").read_text()
    schema = json.loads((folder / "projections.schema.json").read_text())

    assert text.splitlines()[0] == "# yaml-language-server: $schema=projections.schema.json"
    assert schema == json_schema()
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(text))
    assert list(yaml.safe_load(text)["sources"]["main"]) == [source]


def test_its_image_is_made_in_two_stages_runs_as_nobody_and_holds_no_secret(
    call: Call, tmp_path: Path
) -> None:
    # Read, not built: a build needs a registry.
    call("new", "orders")
    folder = tmp_path / "orders"
    lines = (folder / "Dockerfile").read_text().replace("\\\n", "").splitlines()
    steps = [tuple(line.split(maxsplit=1)) for line in lines if line and not line.startswith("#")]
    stages = [index for index, (step, _) in enumerate(steps) if step == "FROM"]

    assert len(stages) == 2
    last = steps[stages[1] :]
    assert [said for step, said in last if step == "USER"] == ["10001"]
    assert not any(step == "RUN" and "pip" in said for step, said in last)
    assert ("ENTRYPOINT", '["projections"]') in last
    assert ("CMD", '["run", "orders"]') in last
    assert {step for step, _ in steps} <= {
        *("FROM", "RUN", "WORKDIR", "COPY", "USER", "VOLUME", "ENV", "EXPOSE"),
        *("ENTRYPOINT", "CMD"),
    }
    assert not re.search("(?i)password|secret=|token|ARG", (folder / "Dockerfile").read_text())
    copied = {
        path
        for step, said in steps
        if step == "COPY" and "--from" not in said
        for path in said.split()[:-1]
    }
    kept = (folder / ".dockerignore").read_text().splitlines()
    assert "*" in kept
    assert {line[1:] for line in kept if line.startswith("!")} == copied
