"""`projections offsets reset` over real brokers: what is applied again afterwards, and nothing else."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from consumer.cli import exits
from consumer.model.position import Offset, Partition
from tests.fleet import Fleet, eventually
from tests.ledger import opened
from tests.scenarios.kafka.story import Story as KafkaStory
from tests.scenarios.operator import (
    BeginOnEither,
    Operator,
    Way,
    group_of,
    lose_all_but,
    make_anew,
    poison,
)


def applications(fleet: Fleet, partition: Partition) -> list[str]:
    """The offsets that were applied in the partition, each as often as it was."""
    reader = opened(fleet.folder / "ledger.sqlite")
    rows = reader.execute(
        "SELECT offset FROM applied WHERE topic = ? AND number = ? ORDER BY seq",
        (partition.topic, partition.number),
    ).fetchall()
    reader.close()
    return [offset for (offset,) in rows]


def texts(offsets: list[Offset]) -> list[str]:
    return [str(offset) for offset in offsets]


def killed_at(step: int) -> Way:
    return ("-m", "tests.scenarios.in_the_way", "kill", str(step))


def waiting_for(gate: Path) -> Way:
    return ("-m", "tests.scenarios.in_the_way", "wait", str(gate))


def test_to_earliest_applies_everything_again(begin_on_either: BeginOnEither) -> None:
    with begin_on_either() as story:
        fleet, operator = story.fleet, Operator(story.fleet)
        story.publish(100)
        fleet.caught_up()

        done = operator.resets("--to-earliest", "--yes")
        lags = [each["lag_events"] for each in operator.status()["partitions"]]
        group = group_of(story)
        fleet.caught_up()

        assert (done.returncode, done.stderr) == (exits.DONE, "")
        assert sum(lags) == 100
        first = "0" if isinstance(story, KafkaStory) else "0-0"
        assert group == dict.fromkeys(map(str, story.partitions), first)
        for partition, expected in fleet.expected.items():
            assert applications(fleet, partition) == texts(expected) * 2


def test_to_latest_applies_only_what_comes_then_also_where_nothing_ran(
    begin_on_either: BeginOnEither,
) -> None:
    with begin_on_either() as story:
        fleet, operator = story.fleet, Operator(story.fleet)
        story.publish(100)
        before = {partition: len(expected) for partition, expected in fleet.expected.items()}

        done = operator.resets("--to-latest", "--yes")
        states = operator.states()
        story.publish(100)
        fleet.caught_up()

        assert done.returncode == exits.DONE, done.stderr
        assert states == {"unowned"}
        for partition, expected in fleet.expected.items():
            assert applications(fleet, partition) == texts(expected[before[partition] :])


def test_to_a_time_applies_again_what_was_written_since(begin_on_either: BeginOnEither) -> None:
    with begin_on_either() as story:
        fleet, operator = story.fleet, Operator(story.fleet)
        story.publish(100)
        before = {partition: len(expected) for partition, expected in fleet.expected.items()}
        eventually(lambda: fleet.caught_up() == 0, "caught up")
        # A broker's clock shows whole milliseconds: what comes after the next one is later for it too.
        time = datetime.now(UTC) + timedelta(milliseconds=2)
        eventually(lambda: datetime.now(UTC) > time, "that time is over")
        story.publish(100)
        fleet.caught_up()

        done = operator.resets("--to-datetime", time.isoformat(), "--yes")
        fleet.caught_up()

        assert done.returncode == exits.DONE, done.stderr
        for partition, expected in fleet.expected.items():
            again = expected[before[partition] :]
            assert applications(fleet, partition) == texts([*expected, *again])


def test_to_an_offset_applies_it_first_and_leaves_the_other_partitions(
    begin_on_either: BeginOnEither,
) -> None:
    with begin_on_either() as story:
        fleet, operator = story.fleet, Operator(story.fleet)
        story.publish(100)
        fleet.caught_up()
        moved, expected = story.partitions[2], fleet.expected[story.partitions[2]]
        words = ("--to-offset", str(expected[5]), "--partition", str(moved))

        dry = operator.resets(*words, "--dry-run")
        unmoved = operator.partitions()
        done = operator.resets(*words, "--yes")
        fleet.caught_up()

        assert dry.returncode == exits.DONE, dry.stderr
        (row,) = (line.split() for line in dry.stdout.splitlines() if str(moved) in line)
        assert row[-3:] == [str(len(expected) - 5), "0", str(len(expected) - 5)]
        assert {each["lag_events"] for each in unmoved.values()} == {0}
        assert done.returncode == exits.DONE, done.stderr
        assert applications(fleet, moved) == texts([*expected, *expected[5:]])
        for partition in set(story.partitions) - {moved}:
            assert applications(fleet, partition) == texts(fleet.expected[partition])


def test_a_target_that_the_log_does_not_hold_is_refused(begin_on_either: BeginOnEither) -> None:
    with begin_on_either() as story:
        fleet, operator = story.fleet, Operator(story.fleet)
        story.publish(100)
        fleet.caught_up()
        place = story.partitions[0]
        beyond = fleet.expected[place][-1].next.next

        done = operator.resets("--to-offset", str(beyond), "--partition", str(place), "--yes")

        assert (done.returncode, done.stdout) == (exits.MISCONFIGURED, "")
        assert f"{beyond} is not in {place}: it holds " in done.stderr
        assert f"next is {fleet.expected[place][-1].next}" in done.stderr
        assert operator.resets_on_record() == []


def test_while_a_worker_lives_nothing_moves_and_10_s_after_its_kill_it_does(
    begin_on_either: BeginOnEither,
) -> None:
    with begin_on_either() as story:
        fleet, operator = story.fleet, Operator(story.fleet)
        story.publish(100)
        worker = fleet.spawn()
        eventually(fleet.everything_is_committed, "everything is committed")

        refused = operator.resets("--to-earliest", "--yes")
        worker.kill()
        too_soon = operator.resets("--to-earliest", "--yes")

        for each in (refused, too_soon):
            assert each.returncode == exits.OWNED
            assert f":{worker.pid}:" in each.stderr
            assert str(story.partitions[0]) in each.stderr
        assert operator.resets_on_record() == []
        eventually(
            lambda: operator.resets("--to-earliest", "--yes").returncode == exits.DONE,
            "the lease of the killed worker ran out",
        )
        fleet.caught_up()
        for partition, expected in fleet.expected.items():
            assert applications(fleet, partition) == texts(expected) * 2


def test_a_worker_that_starts_between_claim_and_move_is_fenced(
    begin_on_either: BeginOnEither, tmp_path: Path
) -> None:
    with begin_on_either() as story:
        fleet, operator = story.fleet, Operator(story.fleet)
        story.publish(100)
        fleet.caught_up()
        gate = tmp_path / "gate"
        gate.touch()
        words = ("offsets", "reset", "ledger", "--to-earliest", "--yes")
        with operator.start(*words, way=waiting_for(gate)) as reset:
            eventually(gate.with_suffix(".reached").exists, "the reset stands before its moves")
            late = fleet.spawn()
            eventually(
                lambda: len(late.said("claimed")) == len(story.partitions), "it claimed them all"
            )
            gate.unlink()
            _, warned = reset.communicate(timeout=60)
        # Nothing comes that would tell it by a commit: it hears by itself that its claims are gone.
        eventually(
            lambda: all(
                applications(fleet, partition) == texts(expected) * 2
                for partition, expected in fleet.expected.items()
            ),
            "everything is applied again, from the beginning",
        )

        assert reset.returncode == exits.DONE
        assert f":{late.pid}:" in warned
        assert "within 10 s" in warned
        assert late.said("rejoining")
        assert late.stop() == 0


def test_a_second_reset_at_the_same_time_is_refused(
    begin_on_either: BeginOnEither, tmp_path: Path
) -> None:
    with begin_on_either() as story:
        fleet, operator = story.fleet, Operator(story.fleet)
        story.publish(100)
        fleet.caught_up()
        gate = tmp_path / "gate"
        gate.touch()
        words = ("offsets", "reset", "ledger", "--to-earliest", "--yes")
        with operator.start(*words, way=waiting_for(gate)) as first:
            eventually(gate.with_suffix(".reached").exists, "the first stands before its moves")
            second = operator.resets("--to-latest", "--yes")
            gate.unlink()
            _, complaints = first.communicate(timeout=60)

        assert (first.returncode, complaints) == (exits.DONE, "")
        assert second.returncode == exits.OWNED
        assert f":{first.pid}, another reset" in second.stderr
        assert [each["to"] for each in operator.resets_on_record()] == ["--to-earliest"]
        assert sum(each["lag_events"] for each in operator.status()["partitions"]) == 100


def test_a_halted_partition_is_led_past_what_halts_it(begin_on_either: BeginOnEither) -> None:
    with begin_on_either() as story:
        fleet, operator = story.fleet, Operator(story.fleet)
        story.publish(100)
        bad = story.partitions[1]
        poison(story, bad)
        story.publish(100)
        assert fleet.caught_up() == exits.HALTED
        behind = next(
            each for each in fleet.expected[bad] if str(each) not in fleet.applied_offsets(bad)
        )

        done = operator.resets("--to-offset", str(behind), "--partition", str(bad), "--yes")

        assert done.returncode == exits.DONE, done.stderr
        assert fleet.caught_up() == exits.DONE
        assert applications(fleet, bad) == texts(fleet.expected[bad])
        assert operator.states() == {"unowned"}


def test_a_partition_whose_log_lost_events_goes_on_with_what_is_left(
    begin_on_either: BeginOnEither,
) -> None:
    with begin_on_either() as story:
        fleet, operator = story.fleet, Operator(story.fleet)
        story.publish(100)
        fleet.caught_up()
        story.publish(200)
        lost, left = story.partitions[0], 5
        lose_all_but(story, lost, left)
        before = applications(fleet, lost)
        halted = fleet.caught_up()
        told = operator.partitions()[str(lost)]

        done = operator.resets("--to-earliest", "--partition", str(lost), "--yes")

        assert (halted, told["state"]) == (exits.HALTED, "halted")
        assert told["reason"].startswith("OffsetLost: ")
        assert done.returncode == exits.DONE, done.stderr
        assert fleet.caught_up() == exits.DONE
        assert applications(fleet, lost) == before + texts(fleet.expected[lost][-left:])


def test_a_topic_made_anew_is_read_after_a_reset(begin_on_either: BeginOnEither) -> None:
    with begin_on_either() as story:
        fleet, operator = story.fleet, Operator(story.fleet)
        story.publish(100)
        fleet.caught_up()
        make_anew(story)
        story.publish(100)
        seen = fleet.last_seq()
        halted = fleet.caught_up()
        states = operator.states()

        done = operator.resets("--to-earliest", "--yes")

        assert (halted, states) == (exits.HALTED, {"another-log"})
        assert fleet.last_seq() == seen
        assert done.returncode == exits.DONE, done.stderr
        assert fleet.caught_up() == exits.DONE
        for partition, expected in fleet.expected.items():
            assert applications(fleet, partition)[-len(expected) :] == texts(expected)


@pytest.mark.parametrize("only", [False, True], ids=["all", "one"])
def test_killed_at_any_step_the_same_words_end_it_right(
    begin_on_either: BeginOnEither, only: bool
) -> None:
    with begin_on_either() as story:
        fleet, operator = story.fleet, Operator(story.fleet)
        story.publish(60)
        fleet.caught_up()
        moved = story.partitions[:1] if only else story.partitions
        place = ("--partition", str(moved[0])) if only else ()
        targets = itertools.cycle(["--to-earliest", "--to-latest"])
        ends = {name: each["log_end"] for name, each in operator.partitions().items()}
        step = dones = 0
        while True:
            target = next(targets)
            words = (target, *place, "--yes")
            killed = operator.resets(*words, way=killed_at(step))
            if killed.returncode == 0:
                break
            assert killed.returncode == -9, killed.stderr
            eventually(
                lambda words=words: operator.resets(*words).returncode == exits.DONE,
                f"the same words end what was killed at step {step}",
            )
            dones += 1
            for name, each in operator.partitions().items():
                is_at_end = target == "--to-latest" or name not in map(str, moved)
                assert (each["current_offset"] == ends[name]) == is_at_end, f"killed at step {step}"
                assert (each["state"], each["owner"]) == ("unowned", None)
            # Of all: at the first and the last claim, the record, a move, a release, the group.
            step += 1 if only or not step else 3
        assert step > len(story.partitions)
        assert dones + 1 < len(operator.resets_on_record()) <= 2 * dones + 1
        fleet.caught_up()
        for partition in story.partitions:
            again = 1 if partition in moved and target == "--to-earliest" else 0
            wanted = texts(fleet.expected[partition]) * (1 + again)
            assert applications(fleet, partition) == wanted
