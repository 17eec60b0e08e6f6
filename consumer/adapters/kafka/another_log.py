"""What to do when a topic is made anew under us: halt, before its records pass for the old topic's."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from consumer.adapters.kafka.assignment import Assignment, Held
from consumer.adapters.kafka.client import LOGGER
from consumer.model.custody import another_log
from consumer.model.position import Claim, LogIdentity
from consumer.ports.source import Membership

#: Between two questions. One of 300 partitions takes 4 ms, so this is a share of the time that
#: nobody notices; it is also for how long the records of a topic made anew may pass unnoticed.
AGAIN_SECONDS = 1.0
#: Between two questions when the brokers did not answer the first: it is asked on the worker's one
#: thread, and costs `identity.TELL_SECONDS` each time that it fails.
_SILENT_SECONDS = 10.0


class Sameness:
    """Whether the topics are still the logs that were claimed. It never raises: while the brokers do
    not tell, reading goes on.
    """

    def __init__(
        self,
        ids_of: Callable[[Collection[str]], Mapping[str, str]],
        assignment: Assignment,
        membership: Membership,
    ) -> None:
        #: `identity.topic_ids`, on the brokers.
        self._ids_of = ids_of
        self._assignment = assignment
        self._membership = membership
        self._not_before = 0.0

    def look(self) -> None:
        """Looks if it is due, and halts what is another log by now."""
        if time.monotonic() < self._not_before:
            return
        watched = [
            (held, held.claim, held.log)
            for held in self._assignment
            if held.claim is not None and held.log.id and not held.stuck
        ]
        if not watched:
            return
        ids = self._ids_of({held.partition.topic for held, _, _ in watched})
        self._not_before = time.monotonic() + (AGAIN_SECONDS if ids else _SILENT_SECONDS)
        if not ids:
            LOGGER.warning(
                "no broker told whether the topics are still those that were claimed; reading goes "
                "on, and they are asked again in %.0f s",
                _SILENT_SECONDS,
            )
        for held, claim, log in watched:
            told = ids.get(held.partition.topic)
            if told and not log.id.endswith(f"/{told}"):
                self._halt(held, claim, log, told)

    def _halt(self, held: Held, claim: Claim, log: LogIdentity, told: str) -> None:
        cluster, _, _ = log.id.partition("/")
        now = LogIdentity(f"{cluster}/{told}", log.partitions)
        held.stuck = True
        self._membership.halt(
            held.partition, another_log(claim.projection, held.partition, log, now)
        )
