"""Which of the rows on their way PostgreSQL did not take."""

from __future__ import annotations

import psycopg
import pytest

from consumer.adapters.postgresql.refusals import told
from consumer.errors import RowRefused
from consumer.model.table import Column, Kind, Table

THINGS = Table("things", (Column("id", Kind.INTEGER), Column("data", Kind.JSON)), ("id",))


def refused(cause: psycopg.Error, json: str) -> str:
    with pytest.raises(RowRefused) as refusal, told([(THINGS, [(1, json)])]):
        raise cause
    return str(refusal.value)


def test_json_that_is_nested_deeper_than_python_reads_is_not_to_blame_for_a_key_that_is_taken() -> (
    None
):
    deep = "[" * 5000 + "]" * 5000
    assert refused(psycopg.errors.UniqueViolation(), deep).startswith(
        "a row of the table things is there already"
    )


def test_json_that_is_nested_deeper_than_postgresql_takes_is_told() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    assert "nested too deep" in refused(psycopg.errors.StatementTooComplex(), deep)
