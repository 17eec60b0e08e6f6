"""The room for Java programs itself."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.jvm import Program, class_path

CLIENTS = "org.apache.kafka:kafka-clients:4.3.1"

ECHO = """
public class Echo {
    public static void main(String[] arguments) throws Exception {
        String given = new String(System.in.readAllBytes(), "UTF-8");
        System.out.write((arguments[0] + " " + given).getBytes("UTF-8"));
        System.out.flush();
        System.exit(given.isEmpty() ? 3 : 0);
    }
}
"""

NAMES = """
public class Names {
    record Name(String text) {}

    public static void main(String[] arguments) {
        System.out.print(new Name(org.apache.kafka.clients.producer.ProducerConfig.ACKS_CONFIG).text());
    }
}
"""


@pytest.fixture
def echo(tmp_path: Path, java_program: Callable[..., Program]) -> Program:
    return java_program(_source(tmp_path, "Echo", ECHO))


def test_what_does_not_compile_is_told_with_the_line(
    tmp_path: Path, java_program: Callable[..., Program]
) -> None:
    broken = _source(tmp_path, "Echo", ECHO.replace("arguments[0]", "nothing"))
    with pytest.raises(AssertionError, match="nothing cannot be resolved"):
        java_program(broken)


def test_a_program_that_fails_is_told_with_its_code(echo: Program) -> None:
    with pytest.raises(AssertionError, match="Echo ended with 3"):
        echo.run("said:")


def test_a_coordinate_without_a_version_is_refused() -> None:
    with pytest.raises(AssertionError, match="name a version"):
        class_path("org.apache.kafka:kafka-clients")


def test_a_program_has_its_arguments_and_its_input(echo: Program) -> None:
    assert echo.run("said:", given="Grüße\n") == "said: Grüße\n"


def test_a_program_has_the_jars_that_it_names(
    tmp_path: Path, java_program: Callable[..., Program]
) -> None:
    assert java_program(_source(tmp_path, "Names", NAMES), CLIENTS).run() == "acks"


def test_who_comes_second_finds_what_the_first_has_made(
    tmp_path: Path, java_program: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = _source(tmp_path, "Echo", ECHO)
    with ThreadPoolExecutor(2) as two:
        first, second = two.map(java_program, [source, source])
    assert first == second
    assert first.class_path[0].is_relative_to(tmp_path)
    assert second.run("said:", given="it") == "said: it"


def _source(folder: Path, name: str, text: str) -> Path:
    source = folder / f"{name}.java"
    source.write_text(text)
    return source
