"""The command line as a whole, without a network."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from consumer.cli import exits
from consumer.cli.program import program, run_program
from consumer.errors import Transient

SETTINGS = """
offsets: {sqlite: {path: offsets.sqlite}}
sources:
  kafka: {kafka: {bootstrap_servers: ["localhost:9092"]}}
  redis: {redis: {url: "redis://localhost", streams: 4}}
projections:
  customers: {projector: "shop:Customers", source: {from: kafka, topics: [orders]}}
"""

PROJECTOR = """
class Customers:
    name = "customers"
    handles = {"OrderPlaced"}
    def apply(self, batch): ...
"""

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """Runs the program in a folder with settings and a projector: exit code, output, complaints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.delitem(sys.modules, "shop", raising=False)
    (tmp_path / "projections.yaml").write_text(SETTINGS)
    (tmp_path / "shop.py").write_text(PROJECTOR)

    def called(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["projections", *words])
        with pytest.raises(SystemExit) as ended:
            run_program()
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return called


def test_check_says_what_is_there_when_all_is_well(call: Call) -> None:
    code, out, err = call("check", "--offline")

    assert (code, err) == (exits.DONE, "")
    assert out.splitlines() == [
        "sources.kafka: Kafka",
        "sources.redis: Redis Streams",
        "projections.customers: shop:Customers handles OrderPlaced",
        "all is well",
    ]


def test_check_says_all_that_is_wrong_at_once(call: Call, tmp_path: Path) -> None:
    wrong = SETTINGS.replace("Customers", "Custmers").replace(
        'localhost:9092"]', 'localhost:9092"], config: {group.id: x, no.such.thing: 1}'
    )
    (tmp_path / "projections.yaml").write_text(wrong)

    code, _, err = call("check", "--offline")

    assert code == exits.MISCONFIGURED
    for expected in (
        "sources.kafka: group.id: ",
        "sources.kafka: no.such.thing: ",
        "projections.customers.projector: shop has no Custmers; did you mean Customers?",
        "3 problems",
    ):
        assert expected in err


def test_check_prints_a_document_for_programs(call: Call, tmp_path: Path) -> None:
    code, out, err = call("check", "--offline", "--json")
    assert (code, err) == (exits.DONE, "")
    assert json.loads(out) == {
        "problems": 0,
        "findings": [
            {"problem": False, "text": "sources.kafka: Kafka"},
            {"problem": False, "text": "sources.redis: Redis Streams"},
            {"problem": False, "text": "projections.customers: shop:Customers handles OrderPlaced"},
        ],
    }

    (tmp_path / "projections.yaml").write_text(SETTINGS.replace("Customers", "Custmers"))
    code, out, err = call("check", "--offline", "--json")
    assert (code, err) == (exits.MISCONFIGURED, "")
    assert json.loads(out)["problems"] == 1
    assert json.loads(out)["findings"][-1]["problem"] is True


@pytest.mark.parametrize(
    "verb", ["check", "run customers", "publish orders --source kafka --file -"]
)
def test_settings_that_cannot_work_are_one_clear_message(
    call: Call, tmp_path: Path, verb: str
) -> None:
    (tmp_path / "projections.yaml").write_text("projections: {customers: {projektor: x}}")

    code, out, err = call(*verb.split())

    assert (code, out) == (exits.MISCONFIGURED, "")
    assert "projections.customers.projektor: unknown; did you mean projector?" in err
    assert "Traceback" not in err


def test_a_projection_that_is_not_there_is_answered_with_the_nearest_one(call: Call) -> None:
    code, _, err = call("run", "custmers")

    assert (code, err) == (
        exits.MISCONFIGURED,
        "projections.custmers: missing; did you mean customers?\n",
    )


@pytest.mark.parametrize("source", ["kafka", "redis"])
@pytest.mark.parametrize("topic", ["we ird{x}", "", ".", "..", "a:0", "x" * 250])
def test_a_topic_that_no_reader_could_name_is_refused(call: Call, source: str, topic: str) -> None:
    code, _, err = call("publish", topic, "--source", source, "--file", str(Path(__file__)))

    assert code == exits.MISCONFIGURED
    assert err.startswith(f"{topic!r} cannot name a topic: use 1 to 249 letters, digits, ")


def test_settings_and_projectors_may_lie_elsewhere(call: Call, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else" / "where"
    elsewhere.mkdir(parents=True)
    for name in ("projections.yaml", "shop.py"):
        (tmp_path / name).rename(elsewhere / name)

    assert call("check", "--offline")[0] == exits.MISCONFIGURED
    there = ("--config", str(elsewhere / "projections.yaml"), "--app-dir", str(elsewhere))
    assert call(*there, "check", "--offline")[0] == exits.DONE


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("run", "Missing argument 'name'"),
        ("run customers --until", "No such option: --until"),
        ("demo localhost:9092", "an address goes with --kafka"),
        ("publish orders --source kafka --file nowhere.jsonl", "No such file or directory"),
    ],
)
def test_wrong_usage_has_a_code_of_its_own(call: Call, words: str, expected: str) -> None:
    code, _, err = call(*words.split())

    assert code == exits.USAGE
    assert expected in err


@pytest.mark.parametrize(
    ("cause", "code", "expected"),
    [
        (Transient("Redis is away"), exits.FAILED, "Redis is away\n"),
        (ZeroDivisionError("oh"), exits.BUG, "Traceback (most recent call last)"),
    ],
)
def test_each_way_to_fail_has_a_code_and_says_why_once(
    call: Call, monkeypatch: pytest.MonkeyPatch, cause: Exception, code: int, expected: str
) -> None:
    def fail() -> None:
        raise cause

    monkeypatch.setattr(program, "registered_commands", [])
    program.command()(fail)

    ended, _, err = call("fail")

    assert ended == code
    assert err.startswith(expected)
    assert err.count(str(cause)) == 1


def test_help_names_every_exit_code_and_comes_without_the_heavy_libraries() -> None:
    code = """
import sys
sys.argv = ["projections", "run", "--help"]
try:
    from consumer.cli import main
    main()
except SystemExit:
    heavy = {"confluent_kafka", "redis", "pydantic_settings", "structlog"} & set(sys.modules)
    print("imported:", sorted(heavy))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True
    )

    assert "imported: []" in done.stdout
    for number in (exits.DONE, exits.MISCONFIGURED, exits.USAGE, exits.HALTED, exits.UNDRAINED):
        assert f" {number}  " in done.stdout
    assert f" {exits.BUG}  " in done.stdout


def test_the_module_and_the_console_script_are_the_same_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "consumer", "--help"],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )

    assert "Usage: projections [OPTIONS] COMMAND" in done.stdout
