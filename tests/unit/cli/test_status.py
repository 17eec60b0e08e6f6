"""`projections status`, as it prints."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from consumer.cli import exits
from consumer.errors import Misconfigured, Transient
from consumer.model.condition import Condition
from tests.unit.cli.operator_desk import SETTINGS, OperatorDesk

Patch = pytest.MonkeyPatch


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]) -> OperatorDesk:
    return OperatorDesk(tmp_path, monkeypatch, capsys)


def row(out: str, partition: str) -> list[str]:
    (found,) = [
        line for line in out.splitlines() if f" {partition} " in line and ":" not in line[:30]
    ]
    return found.split()


def test_a_partition_is_a_row_and_offsets_are_those_of_the_brokers_own_tools(
    desk: OperatorDesk,
) -> None:
    desk.committed(0, 3, owner="web-1:7:abc")
    desk.alive("web-1:7:abc")

    code, out, err = desk.call("status")

    assert (code, err) == (exits.DONE, "")
    assert out.split("\n")[0].split() == (
        [
            "PROJECTION",
            "PARTITION",
            "STATE",
            "FOR",
            "CURRENT",
            "END",
            "LAG",
            "BEHIND",
            "EPOCH",
            "OWNER",
        ]
    )
    told = row(out, "orders/0")
    assert told[:3] == ["shop", "orders/0", "running"]
    assert told[4:7] == ["4", "10", "6"]  # what is read next, and where the next event will be
    assert told[8:] == ["1", "web-1:7:abc"]
    assert row(out, "orders/2") == [
        "shop",
        "orders/2",
        "never-ran",
        "-",
        "-",
        "10",
        "-",
        "-",
        "-",
        "-",
    ]


def test_a_document_has_the_same_for_programs(desk: OperatorDesk) -> None:
    desk.committed(0, 3)

    found = desk.document("status", "shop")

    assert found["trouble"] is None
    (projection,) = found["projections"]
    assert (projection["projection"], projection["trouble"]) == ("shop", None)
    first, _, never = projection["partitions"]
    assert first.pop("lag_seconds") > 1e9
    assert first == {
        "partition": "orders/0",
        "state": "owner-gone",
        "since": None,
        "reason": None,
        "owner": "worker",
        "owner_present": False,
        "epoch": 1,
        "current_offset": "4",
        "log_end": "10",
        "lag_events": 6,
    }
    assert never.keys() == {*first, "lag_seconds"}


def test_what_stands_in_the_way_is_told_below_the_table(desk: OperatorDesk) -> None:
    claim = desk.committed(0, 3)
    with desk.store() as store:
        store.note(claim, Condition("halted", "Undecodable: no JSON"))
    desk.committed(1, 3, log="elder")

    _, out, _ = desk.call("status")

    assert row(out, "orders/0")[2] == "halted"
    assert row(out, "orders/0")[-2:] == ["worker", "(gone)"]
    assert "shop orders/0: Undecodable: no JSON\n" in out
    assert row(out, "orders/1")[2] == "another-log"
    assert "shop orders/1: the checkpoint of shop in orders/1 was made on the log 'elder'" in out


def test_a_source_that_is_away_hides_no_checkpoint(desk: OperatorDesk) -> None:
    desk.committed(0, 3)
    desk.broker.away = Transient("Kafka does not answer")

    code, out, _ = desk.call("status")
    coded, document, _ = desk.call("status", "--json")

    assert (code, coded) == (exits.FAILED, exits.FAILED)
    assert row(out, "orders/0")[4:8] == ["4", "?", "-", "-"]
    assert "shop: its log tells no end: Kafka does not answer\n" in out
    (projection,) = json.loads(document)["projections"]
    assert projection["trouble"] == "Kafka does not answer"
    assert projection["partitions"][0]["current_offset"] == "4"


def test_a_source_that_a_person_must_mend_ends_as_misconfigured(desk: OperatorDesk) -> None:
    desk.committed(0, 3)
    desk.broker.away = Misconfigured("no way into Kafka")

    code, out, _ = desk.call("status")

    assert code == exits.MISCONFIGURED
    assert row(out, "orders/0")[4:8] == ["4", "?", "-", "-"]
    assert "shop: its log tells no end: no way into Kafka\n" in out


def add_projections(folder: Path, count: int) -> None:
    more = [
        f'  p{n}: {{projector: "p:P", source: {{from: main, topics: [t{n}]}}}}\n'
        for n in range(count)
    ]
    (folder / "projections.yaml").write_text(SETTINGS + "".join(more))


def test_a_source_that_is_away_is_asked_once_for_all_its_projections(
    desk: OperatorDesk, tmp_path: Path
) -> None:
    add_projections(tmp_path, 40)
    desk.broker.away = Transient("Kafka does not answer")

    code, out, _ = desk.call("status", "--json")

    assert code == exits.FAILED
    assert {each["trouble"] for each in json.loads(out)["projections"]} == {"Kafka does not answer"}
    assert desk.broker.asked == 1


def test_a_topic_that_is_missing_is_its_own_projections_trouble(
    desk: OperatorDesk, tmp_path: Path
) -> None:
    add_projections(tmp_path, 2)
    desk.broker.missing = "t1"

    code, out, _ = desk.call("status", "--json")

    assert code == exits.MISCONFIGURED
    troubles = {each["projection"]: each["trouble"] for each in json.loads(out)["projections"]}
    assert troubles == {"shop": None, "p0": None, "p1": "there is no topic t1"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["status"], exits.DONE),
        (["offsets", "list"], exits.DONE),
        (["offsets", "get", "shop"], exits.MISCONFIGURED),
        (["offsets", "reset", "shop", "--to-latest", "--dry-run"], exits.DONE),
    ],
)
def test_who_only_looks_makes_no_file_for_checkpoints(
    desk: OperatorDesk, tmp_path: Path, words: list[str], code: int
) -> None:
    assert desk.call(*words)[0] == code
    assert {path.name for path in tmp_path.iterdir()} == {"projections.yaml", "shop.py"}


def test_a_folder_that_is_not_there_is_told(desk: OperatorDesk, tmp_path: Path) -> None:
    settings = tmp_path / "projections.yaml"
    settings.write_text(SETTINGS.replace("offsets.sqlite", "no/where.sqlite"))

    code, out, err = desk.call("status")

    assert (code, out) == (exits.MISCONFIGURED, "")
    assert "where.sqlite" in err


def test_a_projection_that_is_not_in_the_settings_is_answered_with_the_nearest_one(
    desk: OperatorDesk,
) -> None:
    assert desk.call("status", "shopp") == (
        exits.MISCONFIGURED,
        "",
        "projections.shopp: missing; did you mean shop?\n",
    )


def test_a_projection_without_partitions_says_so(desk: OperatorDesk) -> None:
    desk.broker.log.kept.clear()

    assert desk.call("status") == (exits.DONE, "shop: no partitions\n", "")


def looks(patch: Patch, *between: object) -> None:
    """Lets `between` happen after each look, and Ctrl-C after the last."""
    left = list(between)

    def sleep(seconds: float) -> None:
        assert seconds == 0.5
        if not left:
            raise KeyboardInterrupt
        left.pop(0)()  # type: ignore[operator]

    patch.setattr(time, "sleep", sleep)


def test_a_watch_prints_a_line_for_each_look_until_it_is_ended(
    desk: OperatorDesk, monkeypatch: Patch
) -> None:
    looks(monkeypatch, lambda: desk.committed(0, 3), lambda: desk.committed(0, 5))

    code, out, err = desk.call("status", "--watch", "--every", "0.5", "--json")

    assert (code, err) == (exits.DONE, "")
    told = [json.loads(line)["projections"][0]["partitions"][0] for line in out.splitlines()]
    assert [each["current_offset"] for each in told] == [None, "4", "6"]


def test_a_watch_outlives_an_offset_store_that_is_away(
    desk: OperatorDesk, monkeypatch: Patch
) -> None:
    from consumer.adapters.sqlite.offset_store import SqliteOffsetStore

    desk.committed(0, 3)
    partitions = SqliteOffsetStore.partitions

    def away(*_: object) -> None:
        raise Transient("Redis is away")

    def gone() -> None:
        monkeypatch.setattr(SqliteOffsetStore, "partitions", away)

    def back() -> None:
        monkeypatch.setattr(SqliteOffsetStore, "partitions", partitions)

    looks(monkeypatch, gone, back)
    code, out, _ = desk.call("status", "--watch", "--every", "0.5", "--json")
    assert code == exits.DONE
    assert [json.loads(line)["trouble"] for line in out.splitlines()] == [
        None,
        "Redis is away",
        None,
    ]

    looks(monkeypatch, gone, back)
    _, out, _ = desk.call("status", "--watch", "--every", "0.5")
    assert out.count("PROJECTION") == 2
    assert out.count("Redis is away") == 1


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "-"),
        (0, "0s"),
        (-3, "0s"),
        (59.9, "59s"),
        (60, "1m0s"),
        (3720, "1h2m"),
        (200_000, "2d7h"),
    ],
)
def test_a_time_span_is_told_in_its_two_largest_units(seconds: float | None, told: str) -> None:
    from consumer.cli.printing import spent

    assert spent(seconds) == told
