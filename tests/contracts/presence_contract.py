"""What every `Presence` must do, as tests to inherit: override `presence`, and where leases outlive the
object that extends them, `other`, which is another process's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from consumer.errors import Closed
from consumer.ports.presence import Presence

#: Seconds of a lease that no test outlives, and of one that is waited for.
LONG = 600.0
SHORT = 0.05


def wait_until_gone(presence: Presence, owner: str) -> None:
    until = time.monotonic() + 30
    while presence.present([owner]):
        assert time.monotonic() < until, f"the lease of {owner} never ran out"
        time.sleep(0.005)


class PresenceContract:
    """One object, and whoever uses it."""

    @pytest.fixture
    def presence(self) -> Presence:
        raise NotImplementedError(
            "override the fixture `presence` with one that makes yours, empty"
        )

    def test_nobody_is_present_who_never_came(self, presence: Presence) -> None:
        assert presence.present(["worker-1", "worker-2"]) == frozenset()
        assert presence.present([]) == frozenset()

    def test_who_has_a_lease_is_present_and_nobody_else(self, presence: Presence) -> None:
        presence.extend("worker-1", LONG)
        presence.extend("worker-2", LONG)

        assert presence.present(["worker-1"]) == {"worker-1"}
        assert presence.present(["worker-3", "worker-2", "worker-1"]) == {"worker-1", "worker-2"}
        assert presence.present(["worker-3"]) == frozenset()
        assert presence.present({"worker-1"}) == presence.present(("worker-1", "worker-1"))

    def test_a_lease_runs_out_by_itself(self, presence: Presence) -> None:
        presence.extend("worker-1", LONG)
        presence.extend("worker-2", SHORT)
        wait_until_gone(presence, "worker-2")

        assert presence.present(["worker-1", "worker-2"]) == {"worker-1"}

    def test_a_lease_that_was_extended_outlives_its_first_end(self, presence: Presence) -> None:
        presence.extend("worker-1", SHORT)
        presence.extend("worker-1", LONG)
        presence.extend("later", SHORT)
        wait_until_gone(presence, "later")

        assert presence.present(["worker-1"]) == {"worker-1"}

    def test_an_extension_counts_from_now_also_where_it_is_shorter(
        self, presence: Presence
    ) -> None:
        presence.extend("worker-1", LONG)
        presence.extend("worker-1", SHORT)

        wait_until_gone(presence, "worker-1")

    def test_a_lease_of_next_to_no_time_is_no_error(self, presence: Presence) -> None:
        presence.extend("worker-1", 0.0001)

        wait_until_gone(presence, "worker-1")

    def test_who_ran_out_may_come_again(self, presence: Presence) -> None:
        presence.extend("worker-1", SHORT)
        wait_until_gone(presence, "worker-1")
        presence.extend("worker-1", LONG)

        assert presence.present(["worker-1"]) == {"worker-1"}

    def test_who_leaves_is_gone_at_once_and_takes_nobody_along(self, presence: Presence) -> None:
        presence.extend("worker-1", LONG)
        presence.extend("worker-2", LONG)
        presence.leave("worker-1")

        assert presence.present(["worker-1", "worker-2"]) == {"worker-2"}

    def test_leaving_twice_or_without_having_come_is_no_error(self, presence: Presence) -> None:
        presence.leave("worker-1")
        presence.extend("worker-1", LONG)
        presence.leave("worker-1")
        presence.leave("worker-1")

        assert presence.present(["worker-1"]) == frozenset()

    def test_owners_with_odd_names_do_not_collide(self, presence: Presence) -> None:
        odd = ["host-1:42", "{a}", "}a{", "{}", "a", "A", "a ", "*", "a?", "ä", "a'b", "a%b", "a_b"]
        for owner in odd[::2]:
            presence.extend(owner, LONG)

        assert presence.present(odd) == set(odd[::2])

    def test_a_thousand_owners_can_be_asked_for_at_once(self, presence: Presence) -> None:
        presence.extend("worker-7", LONG)
        presence.extend("worker-993", LONG)

        asked = [f"worker-{number}" for number in range(1000)]
        assert presence.present(asked) == {"worker-7", "worker-993"}

    def test_threads_extend_ask_and_leave_beside_each_other(self, presence: Presence) -> None:
        ready = threading.Barrier(8)
        presence.extend("always", LONG)

        def work(number: int) -> None:
            owner = f"worker-{number}"
            ready.wait()
            for _ in range(10):
                presence.extend(owner, LONG)
                assert presence.present([owner, "always", "never"]) == {owner, "always"}
                presence.leave(owner)
                assert presence.present([owner, "always"]) == {"always"}

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))

    def test_a_closed_one_says_so_and_closing_twice_is_safe(self, presence: Presence) -> None:
        presence.extend("worker-1", LONG)
        presence.close()
        presence.close()

        for call in (
            lambda: presence.extend("worker-1", LONG),
            lambda: presence.leave("worker-1"),
            lambda: presence.present(["worker-1"]),
            lambda: presence.present([]),
        ):
            with pytest.raises(Closed):
                call()


class SharedPresenceContract(PresenceContract):
    """Leases that other processes see."""

    @pytest.fixture
    def open_presence(self) -> Callable[[], Presence]:
        raise NotImplementedError("override `open_presence`: each call opens the same leases anew")

    @pytest.fixture
    def presence(self, open_presence: Callable[[], Presence]) -> Iterator[Presence]:
        presence = open_presence()
        yield presence
        presence.close()

    @pytest.fixture
    def other(self, open_presence: Callable[[], Presence]) -> Iterator[Presence]:
        other = open_presence()
        yield other
        other.close()

    def test_what_one_process_extends_and_leaves_another_sees(
        self, presence: Presence, other: Presence
    ) -> None:
        presence.extend("worker-1", LONG)
        other.extend("worker-2", LONG)
        for each in (presence, other):
            assert each.present(["worker-1", "worker-2"]) == {"worker-1", "worker-2"}

        other.leave("worker-1")
        assert presence.present(["worker-1", "worker-2"]) == {"worker-2"}

    def test_closing_ends_no_lease(self, presence: Presence, other: Presence) -> None:
        presence.extend("worker-1", LONG)
        presence.close()

        assert other.present(["worker-1"]) == {"worker-1"}

    def test_a_lease_runs_out_though_its_process_is_gone(
        self, presence: Presence, other: Presence
    ) -> None:
        presence.extend("worker-1", SHORT)
        presence.close()

        wait_until_gone(other, "worker-1")
