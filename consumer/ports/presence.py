"""Who lives: a lease for each worker, whichever broker it reads."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class Presence(Protocol):
    """Leases of owners, kept beside the checkpoints. All methods may raise `Transient` and `Closed`.

    A lease permits nothing: only `OffsetStore.claim` does. It tells those who would move offsets that
    somebody works on them. Safe to use from several threads.
    """

    def extend(self, owner: str, seconds: float) -> None:
        """The owner lives, for so many seconds from now, by the store's clock."""

    def leave(self, owner: str) -> None:
        """The owner is gone; one that is unknown is no error."""

    def present(self, owners: Collection[str]) -> frozenset[str]:
        """Those of them whose leases have not run out."""

    def close(self) -> None:
        """Lets the connection go. Safe to call twice."""
