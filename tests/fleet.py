"""A fleet of real worker processes, what they applied and committed, and whether that was right.

A scenario makes a `Fleet`, spawns workers, disturbs them, and asks for its `findings`. The commands of
naive workers (tests/naive.py) run in the same harness, so that each scenario is seen to fail there.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from consumer.model.position import Offset, Partition
from consumer.ports.offset_store import OffsetStore
from tests.ledger import opened

ROOT = Path(__file__).parent.parent
SECONDS = 40.0
PROJECTION = "ledger"

Checkpoints = Callable[[Partition], Offset | None]


def eventually(condition: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
    """Waits for the condition; the error says what never happened."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"never happened: {what}"
        time.sleep(0.02)


class Process:
    """One worker process, with its log in a file."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **env}, stdout=out, stderr=out
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        self._send(signal.SIGKILL)
        self._process.wait(SECONDS)

    def freeze(self) -> None:
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.terminate()
        return self.ended()

    def ended(self, seconds: float = SECONDS) -> int:
        """The exit code, once it has ended by itself."""
        return self._process.wait(seconds)

    def lines(self) -> list[dict[str, Any]]:
        """What it logged; a line that is no JSON object has it all as `event`."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                found.append({"event": line})
        return found

    def said(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line.get("event") == event]

    def _send(self, number: int) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)


@dataclass
class Findings:
    """What is wrong, invariant by invariant; empty lists are what one wants to see."""

    lost: list[str] = field(default_factory=list)  # I1
    ahead: list[str] = field(default_factory=list)  # I2
    repeated: list[str] = field(default_factory=list)  # under G1 allowed after a kill
    disordered: list[str] = field(default_factory=list)  # I4
    rewound: list[str] = field(default_factory=list)  # I5
    late: list[str] = field(default_factory=list)  # I6

    def wrong(self) -> dict[str, list[str]]:
        """All that even G1 forbids, the first few of each."""
        kinds = ("lost", "ahead", "disordered", "rewound", "late")
        return {kind: getattr(self, kind)[:5] for kind in kinds if getattr(self, kind)}


class Fleet:
    """Worker processes of one projection that share a ledger, watched while they run."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        *,
        checkpoint: Checkpoints,
        partitions: Iterable[Partition],
        naive: str = "",
    ) -> None:
        self.folder = folder
        self.partitions = list(partitions)
        self.processes: list[Process] = []
        #: Offsets that must be applied, by partition; filled by whoever publishes.
        self.expected: dict[Partition, list[Offset]] = {each: [] for each in self.partitions}
        self._naive = naive
        self._checkpoint = checkpoint
        self._settings = folder / "projections.yaml"
        self._settings.write_text(json.dumps(settings))  # JSON is YAML
        self._reader = opened(folder / "ledger.sqlite")
        self._watch = _Watch(self, checkpoint)

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        cause: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watch.stop()
        for gate in self.folder.glob("hold-*"):
            gate.unlink()
        for process in self.processes:
            process.thaw()
            process.kill()
        if cause is not None:
            for process in self.processes:
                sys.stdout.write(f"--- {process.log.name}, exit code {process.exit_code}\n")
                sys.stdout.write(process.log.read_text(errors="replace")[-3000:])
        self._reader.close()

    def spawn(self, *options: str, seconds_an_apply: float = 0.0) -> Process:
        """A worker; `options` go to `projections run`."""
        command = [sys.executable, "-m", "consumer", "--config", str(self._settings)]
        command += ["--log-format", "json", "--log-level", "debug", "run", PROJECTION, *options]
        if self._naive:
            command = [sys.executable, "-m", "tests.naive", self._naive, str(self._settings)]
        env = {"LEDGER_FOLDER": str(self.folder), "LEDGER_SECONDS": str(seconds_an_apply)}
        log = self.folder / f"worker-{len(self.processes)}.log"
        process = Process(command, env, log)
        self.processes.append(process)
        return process

    def caught_up(self, seconds: float = SECONDS) -> int:
        """The exit code of a worker that runs until it is caught up."""
        return self.spawn("--until-caught-up").ended(seconds)

    # --- holding workers at a place -------------------------------------------------------------

    def hold(self, place: str) -> None:
        (self.folder / place).touch()

    def let_go(self) -> None:
        for gate in self.folder.glob("hold-*"):
            gate.unlink()

    def held(self, process: Process) -> bool:
        return (self.folder / f"held-{process.pid}").exists()

    # --- what happened --------------------------------------------------------------------------

    def checkpoint(self, partition: Partition) -> Offset | None:
        return self._checkpoint(partition)

    def applied(self) -> int:
        """How many distinct events are in the ledger."""
        (count,) = self._reader.execute(
            "SELECT count(*) FROM (SELECT DISTINCT topic, number, offset FROM applied)"
        ).fetchone()
        return int(count)

    def applied_offsets(self, partition: Partition) -> set[str]:
        """The offsets of a partition that are in the ledger, as `str` prints them."""
        rows = self._reader.execute(
            "SELECT DISTINCT offset FROM applied WHERE topic = ? AND number = ?",
            (partition.topic, partition.number),
        )
        return {offset for (offset,) in rows}

    def workers_that_applied(self, since: int = 0) -> set[int]:
        rows = self._reader.execute("SELECT DISTINCT pid FROM applied WHERE seq > ?", (since,))
        return {pid for (pid,) in rows}

    def late_writes(self) -> list[str]:
        """Applications under an epoch when one under a later epoch had been written already."""
        top: dict[tuple[str, int], int] = {}
        found = []
        for topic, number, offset, epoch, pid in self._reader.execute(
            "SELECT topic, number, offset, epoch, pid FROM applied ORDER BY seq"
        ):
            if epoch < top.get((topic, number), 0):
                found.append(f"{topic}/{number}:{offset} under {epoch} by {pid}")
            top[topic, number] = max(epoch, top.get((topic, number), 0))
        return found

    def last_seq(self) -> int:
        (last,) = self._reader.execute("SELECT coalesce(max(seq), 0) FROM applied").fetchone()
        return int(last)

    def quiet_for(self, seconds: float) -> bool:
        """Whether nothing was applied for so long; it waits, unless something is."""
        seq, until = self.last_seq(), time.monotonic() + seconds
        while time.monotonic() < until:
            if self.last_seq() != seq:
                return False
            time.sleep(0.05)
        return True

    def everything_is_applied(self) -> bool:
        return self.applied() >= sum(map(len, self.expected.values()))

    def everything_is_committed(self) -> bool:
        """Whether each checkpoint stands at the last event, or behind it (markers)."""
        self._watch.look()  # so that a step back from here is seen
        return all(
            not expected or ((at := self._checkpoint(partition)) and at >= max(expected))
            for partition, expected in self.expected.items()
        )

    def findings(self) -> Findings:
        """Everything that was wrong since the fleet began; ask once all is quiet."""
        self._watch.look()
        found = Findings(ahead=self._watch.ahead, rewound=self._watch.rewound)
        for partition, expected in self.expected.items():
            self._judge(partition, expected, found)
        found.late = self._late_commits()
        return found

    def _judge(self, partition: Partition, expected: list[Offset], found: Findings) -> None:
        rows = self._reader.execute(
            "SELECT offset, epoch FROM applied WHERE topic = ? AND number = ? ORDER BY seq",
            (partition.topic, partition.number),
        ).fetchall()
        seen: set[Offset] = set()
        top: Offset | None = None
        last: tuple[int, Offset] | None = None
        for text, epoch in rows:
            offset = Offset.parse(text)
            if offset in seen:
                found.repeated.append(f"{partition}:{offset}")
            elif top is not None and offset < top:
                found.disordered.append(f"{partition}:{offset} first applied after {top}")
            if last is not None and last[0] == epoch and offset <= last[1]:
                found.disordered.append(f"{partition}:{offset} after {last[1]} in epoch {epoch}")
            seen.add(offset)
            top = offset if top is None else max(top, offset)
            last = (epoch, offset)
        found.lost += [f"{partition}:{offset}" for offset in expected if offset not in seen]

    def _late_commits(self) -> list[str]:
        """Commits that a worker was granted although a later epoch had gone further already."""
        commits: dict[str, list[tuple[int, Offset]]] = {}
        for process in self.processes:
            for line in process.said("applied"):
                at = (int(line["epoch"]), Offset.parse(str(line["offset"])))
                commits.setdefault(str(line["partition"]), []).append(at)
        late = []
        for partition, them in commits.items():
            them.sort(key=lambda each: (each[0], each[1]))
            for (epoch, offset), (later, next_offset) in itertools.pairwise(them):
                if next_offset <= offset:
                    late.append(f"{partition}: {offset} in epoch {epoch}, {next_offset} in {later}")
        return late


class _Watch(threading.Thread):
    """Looks at checkpoints and ledger all the time: commits only grow, and never run ahead."""

    def __init__(self, fleet: Fleet, checkpoint: Checkpoints) -> None:
        super().__init__(name="watch", daemon=True)
        self.ahead: list[str] = []
        self.rewound: list[str] = []
        self._fleet = fleet
        self._checkpoint = checkpoint
        self._last: dict[Partition, Offset] = {}
        self._applied: set[tuple[str, int, str]] = set()
        self._seq = 0
        #: How many of the expected offsets are behind the checkpoint, and were looked at.
        self._compared: dict[Partition, int] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def run(self) -> None:
        pause = 0.05
        while not self._ended.wait(pause):
            began = time.monotonic()
            self.look()
            pause = max(0.05, 4 * (time.monotonic() - began))  # many partitions take a while

    def stop(self) -> None:
        self._ended.set()
        self.join(10)

    def look(self) -> None:
        with self._lock:
            checkpoints = {}
            for partition in self._fleet.partitions:
                try:
                    checkpoints[partition] = self._checkpoint(partition)
                except Exception:  # a scenario took the store away; there is nothing to see
                    return
            self._read_ledger()  # after the checkpoints: what they cover must be there by now
            for partition, at in checkpoints.items():
                if at is not None:
                    self._compare(partition, at)

    def _read_ledger(self) -> None:
        reader = opened(self._fleet.folder / "ledger.sqlite")
        rows = reader.execute(
            "SELECT seq, topic, number, offset FROM applied WHERE seq > ?", (self._seq,)
        ).fetchall()
        reader.close()
        for seq, topic, number, offset in rows:
            self._applied.add((topic, number, offset))
            self._seq = seq

    def _compare(self, partition: Partition, at: Offset) -> None:
        last = self._last.get(partition)
        if last is not None and at < last:
            self.rewound.append(f"{partition}: from {last} to {at}")
        self._last[partition] = at
        expected = self._fleet.expected[partition]
        done = self._compared.get(partition, 0)
        while done < len(expected) and expected[done] <= at:
            if (partition.topic, partition.number, str(expected[done])) not in self._applied:
                self.ahead.append(f"{partition}: at {at}, {expected[done]} is not applied")
            done += 1
        self._compared[partition] = done


def checkpoints_of(store: OffsetStore) -> Checkpoints:
    """What an `OffsetStore` says of our projection."""

    def checkpoint(partition: Partition) -> Offset | None:
        found = store.get(PROJECTION, partition)
        return found.offset if found is not None else None

    return checkpoint
