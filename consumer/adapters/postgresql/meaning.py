"""What PostgreSQL's errors mean to us, by their SQLSTATE."""

from __future__ import annotations

import re

import psycopg

from consumer.errors import Conflict, Misconfigured, Transient

#: The transaction was the victim of another, and is to be run again: serialization failure, deadlock.
_AGAIN = ("40001", "40P01")
#: An outage, or somebody else's lock: connections, resources (a full disk), an operator's intervention
#: (a statement's time-out too), what is not in the state that it will be in, a transaction that idled or
#: took too long, a server that takes no writes for now, a transaction whose end nobody knows.
_PASSING = ("08", "40", "53", "57", "58", "55", "25P03", "25P04", "25006")
#: A person must act: credentials, a database that is missing, privileges, tables that are missing or others.
_SETTINGS = ("28", "3D", "3F", "42")
#: A statement prepared in a session was prepared there before, or never: the session is another one.
_POOLED = ("26000", "42P05")
#: A table was altered under a prepared statement; a new session prepares it anew.
_ALTERED = "0A000"

_POOL = "a pooler is in between. Say pooled: true"

#: What a server or libpq says where a connection is refused for good: then there is no SQLSTATE.
_REFUSED = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|pg_hba\.conf rejects"
    r"|(role|database|user) .* does not exist|is not permitted to log in|not currently accepting"
    r"|permission denied for database|certificate|does not support SSL|private key file"
    r"|[Ii]nvalid (sslmode|\w+ value)|no such (user|database)"
)

#: Names of roles, databases and hosts, which may be like any of these words.
_QUOTED = re.compile(r'"[^"]*"')


def meant(cause: psycopg.Error) -> Exception:  # noqa: PLR0911  a table of meanings
    """Ours, or `cause` itself where it is about the data. Its text is not quoted where it may hold values."""
    state = cause.sqlstate
    if state is None:  # the client's own: no server, a refused or a lost connection
        return _of_the_client(cause)
    if state.startswith(_AGAIN):
        return Conflict(f"PostgreSQL chose to undo the transaction ({state})")
    if state in _POOLED:
        return Misconfigured(f"PostgreSQL's session is not ours alone ({state}): {_POOL}")
    if state == _ALTERED and "cached plan" in str(cause):
        return Transient(f"a table was altered meanwhile ({state}); a new connection knows of it")
    if state.startswith(_PASSING):
        return Transient(f"PostgreSQL cannot be used for now ({state}): {_first_line(cause)}")
    if state.startswith(_SETTINGS):
        return Misconfigured(f"PostgreSQL refuses ({state}): {_first_line(cause)}")
    return cause


def wants_new_session(cause: psycopg.Error) -> bool:
    """Whether the connection still stands, but nothing more will come of it."""
    return cause.sqlstate == _ALTERED or cause.sqlstate in _POOLED


def _of_the_client(cause: psycopg.Error) -> Exception:
    if not isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        return cause
    text = _first_line(cause)
    if "unsupported startup parameter" in text:
        return Misconfigured(f"PostgreSQL refuses the connection: {text}: {_POOL}")
    if _was_connecting(cause) and (
        _REFUSED.search(_QUOTED.sub('""', text)) or _needs_password(cause)
    ):
        return Misconfigured(f"PostgreSQL refuses the connection: {text}")
    return Transient(f"PostgreSQL is out of reach: {text}")


def _was_connecting(cause: psycopg.Error) -> bool:
    return cause.pgconn is not None


def _needs_password(cause: psycopg.Error) -> bool:
    return cause.pgconn is not None and bool(cause.pgconn.needs_password)


def _first_line(cause: psycopg.Error) -> str:
    return next(
        iter((cause.diag.message_primary or str(cause)).strip().splitlines()), "no reason given"
    )
