"""What the stories about PostgreSQL wait for."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg

from consumer.errors import Transient


def until_somebody_waits(url: str, *, at_least: int = 1) -> None:
    """Until so many sessions of the database wait for another one's lock."""
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        until(lambda: (connection.execute(query).fetchone() or (0,))[0] >= at_least)


def until(is_so: Callable[[], bool]) -> None:
    """Until it is so; the test's own time-out ends it where it never is."""
    while not is_so():
        time.sleep(0.01)


def until_it_goes_through(call: Callable[[], object]) -> int:
    """How often it failed for a while."""
    failures = 0
    while True:
        try:
            call()
        except Transient:
            failures += 1
        else:
            return failures
