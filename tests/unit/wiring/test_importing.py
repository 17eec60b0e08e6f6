"""Import strings that work, and what is said of those that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from consumer.errors import Misconfigured
from consumer.wiring.importing import imported, made

Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a module, under a name that was never imported."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def written(code: str) -> str:
        name = f"module_{uuid4().hex}"
        (tmp_path / f"{name}.py").write_text(code)
        return name

    return written


def complaint(call: Callable[[], object]) -> str:
    with pytest.raises(Misconfigured) as raised:
        call()
    return str(raised.value)


def test_an_object_is_found_in_its_module_and_inside_another_object(write: Write) -> None:
    module = write("class Outer:\n    inner = 7\n")

    assert imported(f"{module}:Outer.inner") == 7


def test_a_name_that_is_not_there_is_answered_with_the_nearest_one(write: Write) -> None:
    module = write("customers = 1")

    assert complaint(lambda: imported(f"{module}:custmers")) == (
        f"{module} has no custmers; did you mean customers?"
    )
    assert complaint(lambda: imported(f"{module}:zzz")) == f"{module} has no zzz"


def test_a_module_that_is_not_there_is_told_from_one_whose_own_import_fails(write: Write) -> None:
    module = write("import nowhere_to_be_found")

    assert complaint(lambda: imported("nowhere.at_all:x")).startswith("there is no module nowhere:")
    assert complaint(lambda: imported(f"{module}:x")).startswith(
        f"importing {module} raised ModuleNotFoundError: No module named 'nowhere_to_be_found' ("
    )


def test_an_import_that_raises_is_told_with_the_line(write: Write) -> None:
    module = write("def fail():\n    raise RuntimeError('no luck')\nfail()")

    told = complaint(lambda: imported(f"{module}:x"))

    assert told.startswith(f"importing {module} raised RuntimeError: no luck (")
    assert told.endswith(f"{module}.py:2)")


def test_a_module_that_ends_the_process_is_told(write: Write) -> None:
    module = write("import sys\nsys.exit(0)")

    assert complaint(lambda: imported(f"{module}:x")).startswith(
        f"importing {module} raised SystemExit: 0 ("
    )


def test_a_class_and_a_function_are_called_and_an_object_is_taken(write: Write) -> None:
    module = write(
        "class One:\n    def apply(self, batch): ...\n"
        "    def __call__(self): raise AssertionError\n"
        "def two(): return One()\nthree = One()\n"
    )

    for name in ("One", "two", "three"):
        assert type(made(f"{module}:{name}", having=("apply",))).__name__ == "One"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = 3", "{}:x is a int, which has no method apply"),
        ("def x(): return 3", "{}:x() made a int, which has no method apply"),
        ("class x: pass", "{}:x() made a x, which has no method apply"),
        ("def x(needed): ...", "{}:x() raised TypeError: x() missing 1 required"),
        ("def x(): raise KeyError('k')", "{}:x() raised KeyError: 'k' ("),
        ("def x(): raise SystemExit('bye')", "{}:x() raised SystemExit: bye ("),
    ],
)
def test_what_cannot_become_the_object_is_told(write: Write, code: str, expected: str) -> None:
    module = write(code)

    assert complaint(lambda: made(f"{module}:x", having=("apply",))).startswith(
        expected.format(module)
    )
