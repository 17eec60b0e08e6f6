"""How the process ends when it is told to: tried on processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from consumer.cli import exits

#: Works until it is told to stop, and then for as many seconds as the arguments say.
WORKER = """
import sys, threading, time
from consumer.cli.signals import Ending
stopping = threading.Event()
with Ending(drain_seconds=float(sys.argv[1])) as ending:
    ending.then(stopping.set)
    print("working", flush=True)
    stopping.wait()
    print("draining", flush=True)
    time.sleep(float(sys.argv[2]))
print("done", ending.asked.is_set(), flush=True)
"""


@contextmanager
def worker(*, drain: float, takes: float) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(drain), str(takes)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "working\n"
            yield process
        finally:
            process.kill()


def told_twice(process: subprocess.Popen[str], second: signal.Signals) -> None:
    assert process.stdout is not None
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "draining\n"
    time.sleep(0.5)  # what follows within a breath counts as the same signal
    process.send_signal(second)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_signal_lets_the_work_in_hand_come_to_its_end(number: signal.Signals) -> None:
    with worker(drain=30, takes=0) as process:
        process.send_signal(number)
        said, complained = process.communicate(timeout=20)

    assert (said, complained, process.returncode) == ("draining\ndone True\n", "", exits.DONE)


def test_a_signal_and_its_echo_are_one() -> None:
    """As from `timeout 10 projections run orders`."""
    with worker(drain=30, takes=0.5) as process:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        said, complained = process.communicate(timeout=20)

    assert (said, complained, process.returncode) == ("draining\ndone True\n", "", exits.DONE)


def test_work_that_takes_longer_than_the_drain_is_ended_with_a_code_of_its_own() -> None:
    with worker(drain=0.1, takes=60) as process:
        process.send_signal(signal.SIGTERM)
        said, complained = process.communicate(timeout=20)

    assert (said, process.returncode) == ("draining\n", exits.UNDRAINED)
    assert "is not done 0.1 s after the worker was told to stop (drain_seconds)" in complained


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_process_at_once(second: signal.Signals) -> None:
    with worker(drain=30, takes=60) as process:
        told_twice(process, second)
        _, complained = process.communicate(timeout=20)

    assert (complained, process.returncode) == (
        "told to stop a second time: ending at once\n",
        128 + second,
    )


#: A program that uses signals of its own, as a projector may.
OTHERS = """
import os, signal, sys, threading, time
from consumer.cli.signals import Ending
for number in (signal.SIGUSR1, signal.SIGCHLD):
    signal.signal(number, lambda *_: None)
def others():
    for number in (signal.SIGUSR1, signal.SIGCHLD) * 3:
        os.kill(os.getpid(), number)
with Ending(drain_seconds=float(sys.argv[1])) as ending:
    others()
    print("asked", ending.asked.wait(0.3), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    ending.asked.wait()
    until = time.monotonic() + float(sys.argv[2])
    while time.monotonic() < until:
        others()
        time.sleep(0.01)
print("done", flush=True)
"""


def among_others(drain: float, takes: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", OTHERS, str(drain), str(takes)],
        capture_output=True,
        text=True,
        timeout=20,
    )


def test_signals_that_mean_something_else_neither_stop_nor_end_a_worker() -> None:
    done = among_others(drain=30, takes=0.2)

    assert (done.stdout, done.stderr, done.returncode) == ("asked False\ndone\n", "", exits.DONE)


def test_signals_that_mean_something_else_do_not_lengthen_the_drain() -> None:
    done = among_others(drain=0.3, takes=15)

    assert (done.stdout, done.returncode) == ("asked False\n", exits.UNDRAINED)


def test_a_signal_that_came_before_there_was_anything_to_stop_is_not_forgotten() -> None:
    code = """
import os, signal
from consumer.cli.signals import Ending
with Ending(30) as ending:
    os.kill(os.getpid(), signal.SIGTERM)
    ending.asked.wait()
    ending.then(lambda: print("stopped"))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True
    )

    assert done.stdout == "stopped\n"


def test_afterwards_signals_do_what_they_did_before() -> None:
    code = """
import signal
from consumer.cli.signals import Ending
before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
with Ending(30): pass
assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
assert signal.set_wakeup_fd(-1) == -1
"""
    subprocess.run([sys.executable, "-c", code], timeout=20, check=True)


#: Ends at once, while its own write to standard error waits for a reader, as another thread's would.
ENDING = """
import os, sys, threading, time
from consumer.cli.signals import end_now
if sys.argv[1] == "full":
    threading.Thread(target=lambda: sys.stderr.write("x" * 200_000), daemon=True).start()
    time.sleep(0.3)
print("ending", flush=True)
end_now("the last words", 6)
"""


@pytest.mark.parametrize("stderr", ["full", "gone"])
def test_the_process_ends_though_nobody_reads_what_it_says(stderr: str) -> None:
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", ENDING, stderr], stdout=subprocess.PIPE, stderr=writing
    )
    os.close(writing)
    if stderr == "gone":
        os.close(reading)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ending\n"
        assert process.wait(20) == 6
    if stderr == "full":
        os.close(reading)
