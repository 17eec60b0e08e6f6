"""What PostgreSQL's errors mean to us, by their SQLSTATE."""

from __future__ import annotations

import psycopg

from consumer.errors import Conflict, Misconfigured, Transient

#: The transaction was the victim of another, and is to be run again: serialization failure, deadlock.
_AGAIN = ("40001", "40P01")
#: An outage, or somebody else's lock: connections, resources (a full disk), an operator's intervention
#: (a statement's time-out too), what is not in the state that it will be in, a transaction that idled.
_PASSING = ("08", "53", "57", "58", "55", "25P03", "25006")
#: A person must act: credentials, a database that is missing, privileges, tables that are missing or others.
_SETTINGS = ("28", "3D", "3F", "42")


def meant(cause: psycopg.Error) -> Exception:
    """Ours, or `cause` itself where it is about the data. Its text is not quoted where it may hold values."""
    state = cause.sqlstate
    if state is None:  # the client's own: no server, or a connection that was lost
        if isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
            return Transient(f"PostgreSQL is out of reach: {_first_line(cause)}")
        return cause
    if state.startswith(_AGAIN):
        return Conflict(f"PostgreSQL chose to undo the transaction ({state})")
    if state.startswith(_PASSING):
        return Transient(f"PostgreSQL cannot be used for now ({state}): {_first_line(cause)}")
    if state.startswith(_SETTINGS):
        return Misconfigured(f"PostgreSQL refuses ({state}): {_first_line(cause)}")
    return cause


def _first_line(cause: psycopg.Error) -> str:
    return (cause.diag.message_primary or str(cause)).strip().splitlines()[0]
