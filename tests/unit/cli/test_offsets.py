"""`projections offsets`, as an operator types it and reads it."""

from __future__ import annotations

import getpass
import io
import os
import socket
import sys
from pathlib import Path

import pytest

from consumer.cli import exits
from consumer.engine.resetting import Outcome
from consumer.errors import Transient
from consumer.model.condition import Condition
from consumer.model.position import IntOffset
from tests.unit.cli.operator_desk import PARTITIONS, SETTINGS, OperatorDesk

Patch = pytest.MonkeyPatch


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]) -> OperatorDesk:
    desk = OperatorDesk(tmp_path, monkeypatch, capsys)
    for number in (0, 1):
        claim = desk.committed(number, 3)
        with desk.store() as store:
            store.release(claim)
    return desk


def reset(desk: OperatorDesk, *words: str) -> tuple[int, str, str]:
    return desk.call("offsets", "reset", "shop", *words)


# --- list and get ---


def test_the_list_has_every_projection_with_checkpoints_in_the_settings_or_not(
    desk: OperatorDesk,
) -> None:
    with desk.store() as store:
        store.move(
            "shop@2", PARTITIONS[0], IntOffset(1), log=desk.broker.log.identity(PARTITIONS[0])
        )

    _, out, _ = desk.call("offsets", "list")

    assert [line.split() for line in out.splitlines()] == [
        ["PROJECTION", "PARTITIONS", "CONFIGURED"],
        ["shop", "2", "yes"],
        ["shop@2", "1", "no"],
    ]
    assert desk.document("offsets", "list") == {
        "projections": [
            {"projection": "shop", "configured": True, "partitions": ["orders/0", "orders/1"]},
            {"projection": "shop@2", "configured": False, "partitions": ["orders/0"]},
        ]
    }


def test_get_shows_every_checkpoint_and_every_reset(desk: OperatorDesk) -> None:
    claim = desk.committed(0, 5)
    with desk.store() as store:
        store.note(claim, Condition("halted", "Undecodable"))
    assert reset(desk, "--to-latest", "--partition", "orders/1", "--yes")[0] == exits.DONE

    _, out, _ = desk.call("offsets", "get", "shop")
    found = desk.document("offsets", "get", "shop")

    lines = [line.split() for line in out.splitlines()]
    assert lines[1][:4] == ["orders/0", "6", "3", "halted"]
    assert lines[1][-2:] == ["log", "Undecodable"]
    assert lines[2][:4] == ["orders/1", "10", "3", "unowned"]
    assert "  orders/1: from 4 to 10" in out
    (made,) = found["resets"]
    assert made["to"] == "--to-latest"
    assert made["partitions"] == [{"partition": "orders/1", "from": "4", "to": "10"}]
    zero = found["partitions"][0]
    assert zero.pop("since")
    assert zero == {
        "partition": "orders/0",
        "state": "halted",
        "reason": "Undecodable",
        "owner": None,
        "owner_present": False,
        "epoch": 3,
        "current_offset": "6",
        "log": "log",
    }


def test_get_of_what_is_not_there_names_the_nearest_that_is(desk: OperatorDesk) -> None:
    assert desk.call("offsets", "get", "shopp") == (
        exits.MISCONFIGURED,
        "",
        "the offset store holds nothing of shopp; did you mean shop?\n",
    )


# --- reset ---


@pytest.mark.parametrize(
    ("words", "offsets"),
    [
        ("--to-earliest", [-1, -1, -1]),
        ("--to-latest", [9, 9, 9]),
        ("--to-offset 2", [1, 1, 1]),
        ("--to-offset 10", [9, 9, 9]),
        ("--to-datetime 1970-01-01T00:00:05Z", [4, 4, 4]),
        ("--to-datetime 1970-01-01T01:00:05+01:00", [4, 4, 4]),
        ("--to-offset 2 --partition orders/1", [3, 1, None]),
        ("--to-latest --partition orders/2 --partition orders/0", [9, 3, 9]),
    ],
)
def test_the_event_that_was_typed_is_the_first_that_is_read_again(
    desk: OperatorDesk, words: str, offsets: list[int | None]
) -> None:
    code, out, err = reset(desk, *words.split(), "--yes")

    assert (code, err) == (exits.DONE, "")
    assert out.endswith("done; the read model was not touched\n")
    assert desk.offsets() == offsets


def test_the_brokers_own_group_is_moved_too(desk: OperatorDesk) -> None:
    reset(desk, "--to-latest", "--partition", "orders/1", "--yes")

    assert desk.broker.mirrored == {PARTITIONS[1]: IntOffset(9)}


def test_a_group_that_cannot_be_moved_is_a_warning(desk: OperatorDesk) -> None:
    desk.broker.unmirrorable = Transient("the group has members")

    code, _, err = reset(desk, "--to-latest", "--yes")

    assert code == exits.DONE
    assert err.startswith("the broker's own group does not show it yet")
    assert "Transient: the group has members" in err
    assert desk.offsets() == [9, 9, 9]


def test_a_projection_without_a_mirror_moves_no_group(desk: OperatorDesk, tmp_path: Path) -> None:
    (tmp_path / "projections.yaml").write_text(
        SETTINGS.replace("from: main", "mirror: false, from: main")
    )

    assert reset(desk, "--to-latest", "--yes")[0] == exits.DONE
    assert desk.broker.mirrored == {}


def test_a_dry_run_shows_what_would_be_done_and_changes_nothing(desk: OperatorDesk) -> None:
    code, out, err = reset(desk, "--to-offset", "1", "--dry-run")

    assert (code, err) == (exits.DONE, "")
    assert [line.split() for line in out.splitlines()[1:]] == [
        ["orders/0", "4", "1", "3", "0", "9"],
        ["orders/1", "4", "1", "3", "0", "9"],
        ["orders/2", "-", "1", "-", "-", "9"],
        ["in", "all", "6", "0", "27"],
    ]
    assert desk.offsets() == [3, 3, None]
    assert desk.document("offsets", "get", "shop")["resets"] == []
    assert desk.broker.mirrored == {}


def test_who_has_no_name_on_this_machine_is_recorded_by_number(
    desk: OperatorDesk, monkeypatch: Patch
) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1000")

    monkeypatch.setattr(getpass, "getuser", nobody)
    reset(desk, "--to-latest", "--yes")

    (made,) = desk.document("offsets", "get", "shop")["resets"]
    assert made["by"] == f"{os.getuid()}@{socket.gethostname()}:{os.getpid()}"


def test_a_document_tells_the_same_dry_or_done(desk: OperatorDesk) -> None:
    dry = desk.document("offsets", "reset", "shop", "--to-latest", "--dry-run")
    done = desk.document("offsets", "reset", "shop", "--to-latest", "--yes")

    assert (dry.pop("done"), done.pop("done")) == (False, True)
    assert dry == done
    assert dry["partitions"][0] == {
        "partition": "orders/0",
        "from": "4",
        "to": "10",
        "read_again": 0,
        "passed_over": 6,
        "left_after": 0,
    }
    assert (dry["to"], dry["read_again"], dry["passed_over"]) == ("--to-latest", 0, 12)


def test_while_a_worker_lives_it_is_refused_with_what_to_do(desk: OperatorDesk) -> None:
    desk.committed(1, 5, owner="web-1:7:abc")
    desk.alive("web-1:7:abc")

    code, out, err = reset(desk, "--to-earliest", "--yes")

    assert (code, out) == (exits.OWNED, "")
    assert "  web-1:7:abc, on the host web-1, holds orders/1\n" in err
    assert "kubectl scale --replicas 0" in err
    assert "counts as living for 10 s" in err
    assert desk.offsets() == [3, 5, None]
    assert desk.document("offsets", "get", "shop")["resets"] == []


def test_while_another_reset_is_under_way_it_is_refused(desk: OperatorDesk) -> None:
    desk.committed(1, 3, owner="bob@there:2")
    desk.alive("bob@there:2")

    code, out, err = reset(desk, "--to-earliest", "--yes")

    assert (code, out) == (exits.OWNED, "")
    assert "  bob@there:2, another reset, holds orders/1\n" in err
    assert "let another reset end" in err
    assert desk.offsets() == [3, 3, None]


def test_a_dry_run_works_while_a_worker_lives_and_says_so(desk: OperatorDesk) -> None:
    desk.committed(1, 5, owner="web-1:7:abc")
    desk.alive("web-1:7:abc")

    code, out, err = reset(desk, "--to-earliest", "--dry-run")

    assert code == exits.DONE
    assert "orders/1" in out
    assert err == "as long as web-1:7:abc lives, this would be refused\n"


def comes(patch: Patch, outcome: Outcome) -> None:
    patch.setattr("consumer.wiring.resetting.carried_out", lambda *_, **__: outcome)


def test_a_worker_that_came_meanwhile_is_refused_the_same(
    desk: OperatorDesk, monkeypatch: Patch
) -> None:
    comes(monkeypatch, Outcome(came=frozenset({"web-1:7:abc"})))

    code, _, err = reset(desk, "--to-earliest", "--yes")

    assert code == exits.OWNED
    assert "  web-1:7:abc, on the host web-1\n" in err
    assert desk.broker.mirrored == {}


def test_a_worker_that_came_too_late_to_refuse_is_named(
    desk: OperatorDesk, monkeypatch: Patch
) -> None:
    comes(monkeypatch, Outcome(late=frozenset({"web-1:7:abc"})))

    code, _, err = reset(desk, "--to-earliest", "--yes")

    assert code == exits.DONE
    assert err.startswith("web-1:7:abc started meanwhile.")
    assert "notices within 10 s" in err


class Terminal(io.StringIO):
    """Where somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "code", "offsets"),
    [("y\n", exits.DONE, [9, 9, 9]), ("n\n", 1, [3, 3, None]), ("\n", 1, [3, 3, None])],
)
def test_on_a_terminal_one_is_asked(
    desk: OperatorDesk, monkeypatch: Patch, typed: str, code: int, offsets: list[int | None]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))

    ended, out, err = reset(desk, "--to-latest")

    assert ended == code
    assert "in all" in out
    assert "move the offsets of shop so? [y/N]" in err
    assert desk.offsets() == offsets


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("--yes", "exactly one of --to-earliest, --to-latest, --to-datetime and --to-offset"),
        ("--to-earliest --to-latest --yes", "exactly one of --to-earliest"),
        ("--to-earliest", "add --yes to do it, or --dry-run to see what it would do"),
        ("--to-datetime 2026-11-01T00:00:00 --yes", "write it as in 2026-11-01T00:00:00Z or "),
        ("--to-datetime yesterday --yes", "is no time: write it as in 2026-11-01T00:00:00Z"),
        ("--to-offset soon --yes", "--to-offset: 'soon' is not a whole number"),
        ("--to-latest --partition orders --yes", "is not a partition: write it as in orders/3"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(
    desk: OperatorDesk, monkeypatch: Patch, words: str, complaint: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))

    code, out, err = reset(desk, *words.split())

    assert (code, out) == (exits.USAGE, "")
    assert complaint in err
    assert desk.offsets() == [3, 3, None]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            "--to-offset 11",
            "11 is not in orders/0: it holds 0 to 9; next is 10\n11 is not in orders/1",
        ),
        ("--to-offset 5-0", "orders/0 has no offsets like 5-0: write one as in 42"),
        (
            "--to-latest --partition orders/9",
            "orders/9 is not read: there are orders/0 to orders/2",
        ),
    ],
)
def test_what_the_log_does_not_hold_is_refused_with_what_it_holds(
    desk: OperatorDesk, words: str, complaint: str
) -> None:
    code, out, err = reset(desk, *words.split(), "--yes")

    assert (code, out) == (exits.MISCONFIGURED, "")
    assert err.startswith(complaint)
    assert desk.offsets() == [3, 3, None]


def test_without_its_log_a_reset_says_so_and_moves_nothing(desk: OperatorDesk) -> None:
    desk.broker.away = Transient("Kafka does not answer")

    code, _, err = reset(desk, "--to-earliest", "--yes")

    assert (code, err) == (exits.FAILED, "Kafka does not answer\n")
    assert desk.offsets() == [3, 3, None]


@pytest.mark.parametrize(
    "verb", [("status",), ("offsets", "list"), ("offsets", "get"), ("offsets", "reset")]
)
def test_the_help_of_each_verb_documents_its_exit_codes(
    desk: OperatorDesk, verb: tuple[str, ...]
) -> None:
    code, out, _ = desk.call(*verb, "--help")

    assert code == exits.DONE
    told = {int(line.split()[0]) for line in out.splitlines() if line[:3].strip().isdigit()}
    assert {exits.DONE, exits.MISCONFIGURED, exits.USAGE, exits.FAILED} <= told
    assert (exits.OWNED in told) == (verb[-1] == "reset")


@pytest.mark.parametrize(
    "verb", ["check", "ddl", "new", "publish", "run", "servers", "settings-schema", "status"]
)
def test_every_verb_tells_the_exit_code_of_wrong_usage(desk: OperatorDesk, verb: str) -> None:
    _, out, _ = desk.call(verb, "--help")
    code, _, _ = desk.call(verb, "--no-such-option")

    assert code == exits.USAGE
    assert f"\n {exits.USAGE}  wrong usage" in out
