"""Whether the group took us in."""

from __future__ import annotations

from confluent_kafka import Consumer


class Joining:
    """Asks no broker. A callback tells, but not of a share without partitions under the new protocol
    (KIP-848): there only the member's own standing in the group does, which changes when it is taken in.
    """

    def __init__(self, client: Consumer) -> None:
        self._client = client
        #: Our standing while we were outside; None once a callback told that we are in.
        self._outside: bytes | None = b""

    def is_outside(self) -> None:
        """Nobody took us in yet, or the group lost us."""
        self._outside = self._standing()

    def is_inside(self) -> None:
        """The group gave us a share, perhaps an empty one."""
        self._outside = None

    def joined(self) -> bool:
        """Whether the group took us in."""
        return self._outside is None or self._standing() != self._outside

    def _standing(self) -> bytes:
        # Without our name, which a group may give out before it takes us in, or between two questions.
        while True:
            name = self._client.memberid() or ""
            standing: bytes = self._client.consumer_group_metadata()
            if name == (self._client.memberid() or ""):
                return standing.replace(name.encode(), b"")
