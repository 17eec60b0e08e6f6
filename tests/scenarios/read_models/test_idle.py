"""A process that is stopped within a transaction in PostgreSQL holds its locks no longer than it may."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from consumer import Claim, Fence, IntOffset, LogIdentity, Partition, Transaction
from consumer.adapters.postgresql.read_model import PostgresqlReadModel
from consumer.errors import Transient
from tests.chain import TABLES, TOTALS
from tests.fleet import eventually
from tests.servers import PostgresqlServer

PLACE = Partition("numbers", 0)
LOG = LogIdentity("", 1)
START = IntOffset(-1)


def loads_a_row(transaction: Transaction) -> None:
    transaction.load(TOTALS, [(0,)])


def loads_many_rows(transaction: Transaction) -> None:
    transaction.load(TOTALS, [(number,) for number in range(1200)])


def loads_what_it_wrote(transaction: Transaction) -> None:
    transaction.write(TOTALS, [(0, 1, 1)])
    transaction.load(TOTALS, [(0,)])


def looks_at_what_it_wrote(transaction: Transaction) -> None:
    transaction.write(TOTALS, [(0, 1, 1)])
    assert transaction.cursor is not None


@pytest.mark.parametrize(
    "work", [loads_a_row, loads_many_rows, loads_what_it_wrote, looks_at_what_it_wrote]
)
def test_what_idles_within_a_transaction_is_ended_whatever_it_did_last(
    postgresql: PostgresqlServer, work: Callable[[Transaction], None]
) -> None:
    url = postgresql.database()
    stopped = PostgresqlReadModel(url, seconds=0.5)
    successor = PostgresqlReadModel(url, seconds=0.5)
    stopped.prepare(TABLES, lambda transaction: None)
    first = Claim("numbers", PLACE, 1, "first", None)
    stopped.seal(first, LOG)
    stopped.begin(first, START)

    def takes_over() -> bool:
        try:
            successor.seal(Claim("numbers", PLACE, 2, "second", None), LOG)
        except Transient:
            return False
        return True

    with pytest.raises(Transient, match="25P03"):
        works_until_another_takes_over(stopped, work, takes_over)
    stopped.close()
    successor.close()


def works_until_another_takes_over(
    model: PostgresqlReadModel, work: Callable[[Transaction], None], takes_over: Callable[[], bool]
) -> None:
    with model.transaction(Fence("numbers", PLACE, 1, START, IntOffset(0))) as transaction:
        work(transaction)
        eventually(takes_over, "the server ended the transaction", seconds=10)
        transaction.load(TOTALS, [(1,)])
