"""Emptying tables in Redis: rows are found by their keys, and a reset deletes them a thousand at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from redis import RedisCluster

from consumer.adapters.redis.connection import Client, reachable
from consumer.adapters.redis.packing import packed
from consumer.adapters.redis.read_model_keys import Keys
from consumer.adapters.redis.read_model_scripts import DELETE, FINISH
from consumer.adapters.redis.read_model_transaction import Transaction, refusal
from consumer.adapters.redis.scripts import run, text
from consumer.adapters.redis.seals import Seals, superseded
from consumer.adapters.redis.table_columns import described
from consumer.model.position import Partition
from consumer.model.seal import Seal
from consumer.model.table import Table

#: Keys that are looked at by one SCAN, and that are deleted by one call: the server does nothing else meanwhile.
_AT_ONCE = 1000


class Clearing:
    """Finds the rows of tables, and resets projections."""

    def __init__(self, client: Client, keys: Keys, seals: Seals) -> None:
        self._client = client
        self._keys = keys
        self._seals = seals

    def find(self, table: Table) -> list[str]:
        """The keys of all rows that are there from the beginning of the call to its end."""
        found: set[str] = set()
        for some in self._rows(table):
            found.update(some)
        return sorted(found)

    def reset(
        self, projection: str, seals: Mapping[Partition, Seal], transaction: Transaction
    ) -> None:
        """Marks the projection, deletes the rows of the tables that the transaction cleared, and does the rest
        of it together with the seals' offsets. Where it raises after the mark, nobody may write.
        """
        id_ = self._seals.mark(projection, seals)
        for table in transaction.cleared.values():
            for some in self._rows(table):
                self._delete(projection, id_, some)
        self._finish(projection, id_, seals, transaction)

    def _delete(self, projection: str, id_: str, rows: Sequence[str]) -> None:
        """Not behind the back of another reset: workers may write again since."""
        keys = [self._keys.never, self._keys.reset(projection), *rows]
        answer = run(self._client, DELETE, keys, [id_], f"delete rows of {projection}")
        if text(answer[0]) != "deleted":
            raise superseded(projection)

    def _finish(
        self,
        projection: str,
        id_: str,
        seals: Mapping[Partition, Seal],
        transaction: Transaction,
    ) -> None:
        offsets = {
            self._keys.seal(projection, partition): str(seal.offset)
            for partition, seal in seals.items()
            if seal.offset is not None
        }
        plan = transaction.plan(
            self._keys.never,
            self._keys.reset(projection),
            self._keys.tables,
            *offsets,
            are_cleared_checked=False,
        )
        given = {
            "id": id_,
            "offsets": list(offsets.values()),
            "tables": [(name, described(table)) for name, table in transaction.cleared.items()],
            "rows": plan.rows,
        }
        deed = f"end a reset of {projection}"
        answer = run(self._client, FINISH, plan.keys, [packed(given)], deed)
        match text(answer[0]):
            case "done":
                return
            case "superseded":
                raise superseded(projection)
            case _:
                raise refusal(answer)

    def _rows(self, table: Table) -> Iterator[list[str]]:
        """The keys of the table's rows, some at a time, and some of them perhaps twice.

        SCAN promises to find what is there all the time, as long as it is one server that is asked. So all is
        looked through again where there was another one in between: restarted, failed over, or, in a cluster,
        given the slot.
        """
        deed = f"look through the rows of {table.name}"
        asked = None
        while asked != (asked := self._server(deed)):
            yield from self._scanned(table, deed)

    def _scanned(self, table: Table, deed: str) -> Iterator[list[str]]:
        client: Any = self._client
        at = self._target
        with reachable(deed):
            found = client.scan_iter(match=self._keys.pattern(table), count=_AT_ONCE, **at)
            while some := [text(key) for key in islice(found, _AT_ONCE)]:
                yield some

    def _server(self, deed: str) -> tuple[str, ...]:
        """Which server has the slot, and since which start. While a slot is moved, it is none, and it raises
        `Transient`: of two keys, of which one is not there, a node says to try again.
        """
        client: Any = self._client
        with reachable(deed):
            client.exists(self._keys.never, self._keys.tables)
            at = self._target
            told = client.info("server", **at)
        return (*[node.name for node in at.values()], told.get("run_id", ""))

    @property
    def _target(self) -> dict[str, Any]:
        """The node of a cluster that has the slot."""
        if not isinstance(self._client, RedisCluster):
            return {}
        client: Any = self._client  # redis-py has no types here
        return {"target_nodes": client.get_node_from_key(self._keys.never)}
