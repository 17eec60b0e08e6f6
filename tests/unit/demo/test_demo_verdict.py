import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from consumer.demo.story import _verdict


def verdict(counted: int, found: list[str], *, kill: bool = False, killed: bool = False):
    console = Console(file=io.StringIO(), width=200)
    fleet = SimpleNamespace(counted={1: counted - 40, 2: 40}, total=100, killed=killed)
    code = _verdict(fleet, found, console, kill=kill)
    return code, console.file.getvalue().splitlines()


def test_a_board_that_is_right_ends_well():
    code, said = verdict(100, [])
    assert code == 0
    assert said == ["each of the 100 events counted once", "checked: 100 events, 0 differences"]


def test_a_board_that_is_wrong_says_where_and_ends_badly():
    code, said = verdict(100, ["UA: flights is 1, and 2 in the source file"])
    assert code == 1
    assert said[0].startswith("UA: flights")
    assert said[-1] == "checked: 100 events, 1 differences"


def test_all_differences_count_though_not_all_are_shown():
    _, said = verdict(100, [f"UA: {number}" for number in range(500)])
    assert said[-1] == "checked: 100 events, 500 differences"
    assert len(said) < 50


@pytest.mark.parametrize("killed", [True, False])
def test_a_kill_that_did_not_happen_is_a_failure(killed):
    code, said = verdict(100, [], kill=True, killed=killed)
    assert code == (0 if killed else 1)
    assert ("no worker was killed: there were too few flights to do" in said) is not killed
    assert ("each of the 100 events counted once, those of the killed worker too" in said) is killed


@pytest.mark.parametrize("counted", [99, 130])
def test_events_that_were_counted_twice_or_not_at_all_are_a_failure(counted):
    code, said = verdict(counted, [])
    assert code == 1
    assert said[0] == f"{counted} events were counted, and there are 100"
