"""What a transaction of a read model in Redis loads at once, and writes at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

import msgspec

from consumer.adapters.redis.connection import Client
from consumer.adapters.redis.packing import Word, word
from consumer.adapters.redis.read_model_keys import Keys
from consumer.adapters.redis.read_model_scripts import LOAD
from consumer.adapters.redis.rows import Fields, Shape, shape
from consumer.adapters.redis.scripts import run, text
from consumer.errors import Conflict, Misconfigured, RowRefused
from consumer.model.table import Key, Row, Table

#: Rows that are loaded by one call: the server does nothing else meanwhile.
_AT_ONCE = 1000

#: Keys of one call. Redis 6.2 takes no more than a million words.
_MOST = 500_000


class Plan(msgspec.Struct, frozen=True):
    """What a script does for a transaction: which keys it touches, and what with."""

    #: The rows' keys, behind others that the script has.
    keys: list[str]
    #: As `read_model_scripts` tells.
    rows: tuple[list[Any], list[Any], list[int], list[Any]]

    @property
    def writes(self) -> bool:
        """Whether there is anything to do."""
        return any(self.rows[1:])


class Transaction:
    """The `Transaction`: remembers the fields that it loaded, and what is to be written."""

    def __init__(
        self,
        client: Client,
        keys: Keys,
        *,
        find: Callable[[Table], Iterable[str]],
        is_repeated: bool = False,
    ) -> None:
        """`find` gives the keys of all rows of a table that is cleared."""
        self.is_repeated = is_repeated
        #: The tables that were cleared.
        self.cleared: dict[str, Table] = {}
        self._client = client
        self._keys = keys
        self._find = find
        self._loaded: dict[Table, dict[str, Fields]] = {}
        #: Of each row what HSET takes, or None where it is deleted; the last word holds.
        self._pending: dict[str, Sequence[Word] | None] = {}
        #: Under which nobody may have a row, with the name of the table.
        self._added: dict[str, str] = {}

    def load(self, table: Table, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """As `Transaction.load`: one round trip for each thousand. What was written before is seen."""
        form, start = shape(table), self._keys.rows(table)
        places = {key: start + form.key_text(key) for key in keys}
        is_cleared = table.name in self.cleared
        known = {} if is_cleared else self._loaded.setdefault(table, {})
        if not is_cleared:
            self._read(form, [place for place in places.values() if place not in known], known)
        found: dict[Key, Row] = {}
        for key, place in places.items():
            if place in self._pending:
                words = self._pending[place]
                row = None if words is None else form.row(form.fields(words))
            else:
                row = form.row(known[place]) if place in known else None
            if row is not None:
                found[key] = row
        return found

    def write(self, table: Table, rows: Iterable[Row], gone: Iterable[Key] = ()) -> None:
        """As `Transaction.write`; `RowRefused` for values that are not of their columns' kinds."""
        form, start = shape(table), self._keys.rows(table)
        for row in rows:
            words = form.words(row)
            self._pending[start + form.key_text(table.key_of(row))] = words
        for key in gone:
            self._pending[start + form.key_text(key)] = None

    def append(self, table: Table, rows: Iterable[Row]) -> None:
        """As `Transaction.append`; `RowRefused` at the end, or at once where it was written here."""
        form, start = shape(table), self._keys.rows(table)
        for row in rows:
            words = form.words(row)
            place = start + form.key_text(table.key_of(row))
            if self._pending.get(place) is not None:
                raise taken(table.name)
            if place not in self._pending:
                self._added[place] = table.name
            self._pending[place] = words

    def clear(self, table: Table) -> None:
        """As `Transaction.clear`. Outside a reset all rows are deleted in one step, so that is for thousands."""
        start = self._keys.rows(table)
        self.cleared[table.name] = table
        for noted in (self._pending, self._added):
            for place in [place for place in noted if place.startswith(start)]:
                del noted[place]
        self._pending |= dict.fromkeys(self._find(table))

    @property
    def cursor(self) -> NoReturn:
        """There is none: raises `Misconfigured`."""
        raise Misconfigured(
            "a read model in Redis has no cursor: use load, write and append, or keep the rows in a database"
        )

    def plan(self, *before: str, are_cleared_checked: bool = True) -> Plan:
        """All of it, for a script whose keys begin with those `before`."""
        at: dict[str, int] = {}

        def place(key: str) -> int:
            return at.setdefault(key, len(at) + len(before) + 1)  # Lua counts from 1

        loaded = [
            (
                table.name,
                shape(table).names,
                [
                    (place(key), *[False if each is None else word(each) for each in fields])
                    for key, fields in rows.items()
                ],
            )
            for table, rows in self._loaded.items()
            if rows and (are_cleared_checked or table.name not in self.cleared)
        ]
        added = [(place(key), name) for key, name in self._added.items()]
        gone = [place(key) for key, words in self._pending.items() if words is None]
        written = [
            (place(key), *words) for key, words in self._pending.items() if words is not None
        ]
        if len(at) > _MOST:
            raise Misconfigured(
                f"a transaction touches {len(at)} rows, and Redis takes {_MOST} at once: give the projection "
                "a smaller batch_size, or clear its tables by a reset"
            )
        return Plan([*before, *at], (loaded, added, gone, written))

    def _read(self, form: Shape, places: Sequence[str], known: dict[str, Fields]) -> None:
        deed = f"load rows of {form.table.name}"
        for start in range(0, len(places), _AT_ONCE):
            some = places[start : start + _AT_ONCE]
            known |= zip(some, run(self._client, LOAD, some, form.names, deed), strict=True)


def refusal(answer: Sequence[bytes | str]) -> Exception:
    """What it means that a script found the rows otherwise than it should."""
    match [text(word) for word in answer]:
        case ["conflict", table]:
            return Conflict(f"a row of {table} was changed by another writer")
        case ["taken", table]:
            return taken(table)
        case other:
            return Misconfigured(f"Redis answers what nobody asked: {other}")


def taken(table: str) -> RowRefused:
    """Without the key, which is data."""
    return RowRefused(
        f"a row was appended to the table {table} under a key that is taken. Who cannot rule that out writes rows "
        "instead of appending them"
    )
