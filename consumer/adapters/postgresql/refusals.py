"""What PostgreSQL does not take of a row, told without the value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from consumer.errors import RowRefused
from consumer.model.table import Column, Kind, Row, Table

#: About the data, in classes of SQLSTATE: what cannot be kept, a constraint, a key given twice, a key too long.
_DATA = ("22", "23", "21", "54")
#: A key, or what a constraint wants to be unique, is there already.
_TAKEN = "23505"


@contextmanager
def told(rows: Sequence[tuple[Table, Sequence[Row]]]) -> Iterator[None]:
    """Raises `RowRefused`, for which of the rows on their way PostgreSQL refused. Its own text, which may
    quote them, is left out.
    """
    try:
        yield
    except psycopg.Error as cause:
        if (cause.sqlstate or "").startswith(_DATA):
            raise RowRefused(_why(cause, rows)) from None
        raise


def _why(cause: psycopg.Error, rows: Sequence[tuple[Table, Sequence[Row]]]) -> str:
    for table, given in rows:
        for at, column in enumerate(table.columns):
            if why := _unfit(column, [row[at] for row in given]):
                return (
                    f"the column {column.name} of the table {table.name} takes no such value: {why}"
                )
    tables = cause.diag.table_name or " or ".join(sorted({table.name for table, _ in rows}))
    if cause.sqlstate == _TAKEN:
        return f"a row of the table {tables} is there already ({cause.diag.constraint_name})"
    constraint = cause.diag.constraint_name
    return (
        f"PostgreSQL takes a row of the table {tables} not ({cause.sqlstate}"
        f"{f', the constraint {constraint}' if constraint else ''}): {_KNOWN.get(cause.sqlstate or '', _ELSE)}"
    )


_KNOWN = {
    "21000": "a key is given twice",
    "54001": "it is nested too deep",
    "54000": "its key, or what an index holds of it, is longer than an index takes",
}
_ELSE = "the server's log says more"


def _unfit(column: Column, values: Iterable[Any]) -> str | None:
    if column.kind not in {Kind.TEXT, Kind.JSON}:
        return None
    for value in values:
        for text in value if isinstance(value, list) else [value]:
            if text is None:
                continue
            if "\x00" in text:
                return "U+0000 is within the text"
            if column.kind is Kind.JSON and (why := _unfit_json(text)):
                return why
    return None


def _unfit_json(text: str) -> str | None:
    try:
        parsed = json.loads(text, parse_constant=_no_constant)
        kept = json.dumps(parsed)
    except RecursionError:  # which PostgreSQL may take
        return None
    except ValueError:
        return "it is no JSON"
    if "\\u0000" in kept:
        return "U+0000 is within a text of the JSON"
    try:
        json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "half a surrogate pair is within a text of the JSON"
    return None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
