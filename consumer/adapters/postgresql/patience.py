"""A connection that waits for no answer for ever."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg

#: Seconds that an answer may take longer than the server may.
_ON_THE_WAY = 5.0


class PatientConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection on which a command fails that a server did not end in time.

    The server ends a statement that takes too long; this is for one that answers no more, though its
    machine does (a process that was stopped, a pooler without servers).
    """

    #: Seconds for a command; None: as long as it takes.
    seconds: float | None = None

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:
        """As psycopg's, which each of its commands passes through."""
        if self.seconds is not None:
            gen = _ending(gen, self.seconds + _ON_THE_WAY)
        return super().wait(gen, *args, **kwargs)


def _ending(gen: Generator[Any, Any, Any], seconds: float) -> Generator[Any, Any, Any]:
    """The same, but it raises once it has waited for so long."""
    deadline = time.monotonic() + seconds
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            # psycopg looks in between, with nothing ready, several times a second.
            if not ready and time.monotonic() > deadline:
                gen.close()
                raise psycopg.OperationalError(f"no answer for {seconds:.0f} s")
            wanted = gen.send(ready)
    except StopIteration as end:
        return end.value
