"""Locks on what is in no table yet; they end with the transaction that took them."""

from __future__ import annotations

import hashlib

from consumer.adapters.postgresql.connection import Cursor


def hold(cursor: Cursor, *names: str) -> None:
    """Waits until nobody else holds what is called so."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_number(names),))


def hold_with_others(cursor: Cursor, *names: str) -> None:
    """As `hold`, beside others that do the same."""
    cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", (_number(names),))


def _number(names: tuple[str, ...]) -> int:
    """Known by 64 bits alone; where two names share a number, one waits for the other in vain."""
    digest = hashlib.blake2b("\0".join(("projections", *names)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
