"""The suite of `ReadModel` on Redis and Valkey, and what only they can do."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from consumer.adapters.redis import clearing, read_model, read_model_scripts, seals
from consumer.adapters.redis.clearing import Clearing
from consumer.adapters.redis.connection import Client, connect
from consumer.adapters.redis.read_model import RedisReadModel
from consumer.adapters.redis.scripts import Script, run
from consumer.errors import (
    Conflict,
    Fenced,
    Misconfigured,
    NewerRecord,
    OffsetLost,
    RowRefused,
    Transient,
)
from consumer.model.position import Partition
from consumer.model.seal import Seal
from consumer.model.table import Column, Kind, Table
from consumer.ports.read_model import ReadModel, Transaction
from tests import servers
from tests.contracts.losing_proxy import LosingProxy
from tests.contracts.read_model_contract import (
    ACCOUNTS,
    LOG,
    ORDERS,
    OTHER,
    ROOMS,
    ReadModelContract,
    at,
    begun,
    claim,
    fence,
    offset_in,
    row,
    rows,
    write,
)
from tests.contracts.read_model_values_contract import ReadModelValuesContract
from tests.contracts.redis_room import eventually
from tests.contracts.redis_servers import clients_of

#: At the log's beginning, under an epoch that nobody had.
ANEW = {ORDERS: Seal(100, "reset", LOG, at(-1))}


def model_on(url: str, **options: Any) -> RedisReadModel:
    model = RedisReadModel(connect(url, **options), prefix="prod")
    model.prepare([ACCOUNTS, ROOMS], lambda transaction: None)
    return model


def reset(model: ReadModel, seals: Any = ANEW, *tables: Table) -> None:
    with model.reset("customers", seals) as transaction:
        for table in tables or (ACCOUNTS,):
            transaction.clear(table)


def accounts(count: int) -> list[Any]:
    return [(f"key-{number}", number, None) for number in range(count)]


@pytest.mark.parametrize(
    "new_client",
    ["valkey", "redis_62", "redis_70", "valkey_cluster", "valkey_sentinel"],
    indirect=True,
)
class TestRedisReadModel(ReadModelContract):
    @pytest.fixture
    def new_client(self, request: pytest.FixtureRequest) -> Callable[[], Client]:
        return clients_of(request)

    @pytest.fixture
    def prefix(self) -> str:
        return f"test-{uuid.uuid4().hex}"

    @pytest.fixture
    def client(self, new_client: Callable[[], Client]) -> Iterator[Any]:
        client = new_client()
        yield client
        client.close()

    @pytest.fixture
    def open_model(
        self, new_client: Callable[[], Client], prefix: str
    ) -> Callable[[], RedisReadModel]:
        return lambda: RedisReadModel(new_client(), prefix=prefix)

    def test_a_row_is_a_hash_that_any_tool_can_read(
        self, model: ReadModel, client: Any, prefix: str
    ) -> None:
        begun(model)
        write(model, fence(-1, 0), ("a:b", 1, None), ("c", 2, "two"))
        write(model, fence(0, 1), (30, 2, "ritz:%"), table=ROOMS)

        assert client.hgetall(f"{{{prefix}}}:accounts:a:b") == {b"id": b"a:b", b"count": b"1"}
        assert client.hgetall(f"{{{prefix}}}:accounts:c") == {
            b"id": b"c",
            b"count": b"2",
            b"note": b"two",
        }
        assert client.hgetall(f"{{{prefix}}}:rooms:ritz%3A%25:2") == {
            b"hotel": b"ritz:%",
            b"floor": b"2",
            b"size": b"30",
        }
        assert client.hgetall(f"{{{prefix}}}:projection_seal:customers:orders/3") == {
            b"schema": b"1",
            b"epoch": b"1",
            b"token": b"token-1",
            b"log_id": LOG.id.encode(),
            b"log_partitions": b"12",
            b"offset": b"1",
        }

    def test_a_row_that_is_replaced_keeps_no_field(
        self, model: ReadModel, client: Any, prefix: str
    ) -> None:
        begun(model)
        write(model, fence(-1, 0), ("c", 2, "two"))
        client.hset(f"{{{prefix}}}:accounts:c", "stray", "1")
        write(model, fence(0, 1), ("c", 3, None))

        assert client.hgetall(f"{{{prefix}}}:accounts:c") == {b"id": b"c", b"count": b"3"}

    def test_a_key_that_somebody_else_uses_is_told_on_a_load(
        self, model: ReadModel, client: Any, prefix: str
    ) -> None:
        begun(model)
        client.set(f"{{{prefix}}}:accounts:c", "theirs")

        with (
            pytest.raises(Misconfigured, match=r"accounts.*WRONGTYPE"),
            model.transaction(fence(-1, 0)) as transaction,
        ):
            transaction.load(ACCOUNTS, [("c",)])

    def test_tables_whose_names_or_prefixes_begin_alike_are_cleared_alone(
        self, new_client: Callable[[], Client], prefix: str
    ) -> None:
        longer = Table("accounts_2", ACCOUNTS.columns, ACCOUNTS.key)
        models = [
            RedisReadModel(new_client(), prefix=f"{prefix}{tail}")
            for tail in ("*", "-b", "[a-z]", "a", "", "\\")
        ]
        for model in models:
            model.prepare([ACCOUNTS, longer], lambda transaction: None)
            begun(model)
            write(model, fence(-1, 0), ("a", 1, None))
            write(model, fence(0, 1), ("a", 1, None), table=longer)
        for model in models[::2]:
            reset(model)

        left = [bool(row(model, "a")) for model in models]
        assert left == [False, True] * 3
        assert all(row(model, "a", table=longer) for model in models)
        for model in models:
            model.close()

    def test_what_was_written_in_a_transaction_is_loaded_in_it(self, model: ReadModel) -> None:
        begun(model)
        write(model, fence(-1, 0), ("a", 1, "one"), ("b", 2, None), ("e", 5, None))
        with model.transaction(fence(0, 1)) as transaction:
            transaction.write(ACCOUNTS, [("a", 10, None), ("c", 3, "three")], gone=[("b",)])
            names = [(name,) for name in "abcde"]
            assert transaction.load(ACCOUNTS, names) == {
                ("a",): ("a", 10, None),
                ("c",): ("c", 3, "three"),
                ("e",): ("e", 5, None),
            }
            transaction.clear(ACCOUNTS)
            assert transaction.load(ACCOUNTS, names) == {}

    def test_an_offset_that_moves_within_a_transaction_ends_it(
        self, model: ReadModel, other: ReadModel
    ) -> None:
        begun(model)
        with pytest.raises(Fenced), model.transaction(fence(-1, 7)) as transaction:  # noqa: PT012 - it raises at the end
            write(other, fence(-1, 5), ("a", 1, None))
            transaction.write(ACCOUNTS, [("a", 2, None)])

        assert row(model, "a") == ("a", 1, None)
        assert offset_in(model) == at(5)

    def test_of_two_batches_one_that_is_written_within_a_transaction_ends_it(
        self, model: ReadModel, other: ReadModel
    ) -> None:
        begun(model)
        begun(model, partition=OTHER)
        fences = fence(-1, 7), fence(-1, 9, partition=OTHER)
        with pytest.raises(Fenced, match="only some"), model.transaction(*fences) as transaction:  # noqa: PT012 - it raises at the end
            write(other, fences[1], ("a", 1, None))
            transaction.write(ACCOUNTS, [("a", 2, None)])

        assert row(model, "a") == ("a", 1, None)
        assert (offset_in(model), offset_in(model, OTHER)) == (at(-1), at(9))

    def test_a_server_that_forgot_the_scripts_is_taught_again(
        self, model: ReadModel, client: Client
    ) -> None:
        taken = claim()
        for step in (
            lambda: model.seal(taken, LOG),
            lambda: model.begin(taken, at(-1)),
            lambda: write(model, fence(-1, 0), *accounts(3)),
            lambda: reset(model),
        ):
            client.script_flush()
            step()

        assert model.sealed("customers", ORDERS) == ANEW[ORDERS]

    def test_what_is_to_be_appended_in_two_ways_is_refused(self, model: ReadModel) -> None:
        begun(model)
        with model.transaction(fence(-1, 0)) as transaction:
            transaction.append(ACCOUNTS, [("a", 1, None)])
            with pytest.raises(RowRefused, match="accounts"):
                transaction.append(ACCOUNTS, [("a", 2, None)])

        assert row(model, "a") == ("a", 1, None)

    def test_a_reset_of_many_rows_takes_several_steps_and_takes_all(
        self, model: ReadModel, client: Any, prefix: str
    ) -> None:
        begun(model)
        write(model, fence(-1, 0), *accounts(3500))
        reset(model)

        assert not list(client.scan_iter(match=f"{{{prefix}}}:accounts:*", count=10_000))

    def test_a_reset_takes_the_columns_of_the_new_release(
        self, model: ReadModel, other: ReadModel
    ) -> None:
        begun(model)
        write(model, fence(-1, 0), ("a", 1, None))
        wider = Table("accounts", (*ACCOUNTS.columns, Column("more", Kind.UUID)), ACCOUNTS.key)
        with pytest.raises(Misconfigured, match="more is uuid"):
            other.prepare([wider], lambda transaction: None)
        reset(other, ANEW, wider)

        other.prepare([wider], lambda transaction: None)
        with pytest.raises(Misconfigured, match="more is uuid"):
            model.prepare([ACCOUNTS], lambda transaction: None)

    def test_a_reset_may_leave_rows_of_its_own(self, model: ReadModel) -> None:
        begun(model)
        write(model, fence(-1, 0), ("a", 1, None), ("b", 1, None))
        with model.reset("customers", ANEW) as transaction:
            assert transaction.load(ACCOUNTS, [("a",)])
            transaction.clear(ACCOUNTS)
            assert not transaction.load(ACCOUNTS, [("a",)])
            transaction.write(ACCOUNTS, [("b", 2, None)])

        assert rows(model, ACCOUNTS, [("a",), ("b",)]) == {("b",): ("b", 2, None)}

    @pytest.mark.parametrize("rows_count", [10, 2500])
    def test_a_reset_that_was_killed_at_any_step_lets_nobody_write_and_is_done_again(
        self,
        model: ReadModel,
        other: ReadModel,
        monkeypatch: pytest.MonkeyPatch,
        rows_count: int,
    ) -> None:
        epochs = itertools.count(2)
        offset, is_done = -1, False
        begun(model)
        for step in itertools.count():
            epoch = model.sealed("customers", ORDERS).epoch  # type: ignore[union-attr]  # it is sealed
            write(model, fence(offset, offset + 1, epoch), *accounts(rows_count))
            epoch = next(epochs) * 10
            again = {ORDERS: Seal(epoch, f"r-{epoch}", LOG, at(-1))}
            with monkeypatch.context() as patch:
                Dying(step).watch(patch)
                try:
                    reset(other, again)
                    is_done = True
                except Died:
                    pass
            if is_done:
                break
            sealed = model.sealed("customers", ORDERS)
            assert sealed is not None
            if sealed.epoch == epoch:  # the mark is made
                assert sealed.offset is None
                for partition in (ORDERS, OTHER):
                    with pytest.raises(OffsetLost, match=r"reset.*again"):
                        model.seal(claim(epoch + 1, partition=partition), LOG)
                with pytest.raises(OffsetLost, match=r"reset.*again"):
                    model.begin(claim(epoch, f"r-{epoch}"), at(-1))
                with pytest.raises(Fenced):
                    write(model, fence(offset + 1, offset + 2, epoch), ("x", 1, None))
            later = {ORDERS: Seal(epoch + 1, "later", LOG, at(-1))}
            reset(other, again if step % 2 and sealed.epoch == epoch else later)
            assert not rows(model, ACCOUNTS, [(name,) for name, _, _ in accounts(rows_count)])
            assert model.seal(claim(epoch + 2), LOG).offset == at(-1)
            offset = -1

        assert step >= (4 if rows_count > 1000 else 3)

    def test_a_reset_that_another_one_overtook_deletes_nothing_more(
        self, model: ReadModel, other: ReadModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun(model)
        write(model, fence(-1, 0), *accounts(10))
        scanned = Clearing._scanned
        later = {ORDERS: Seal(200, "later", LOG, at(-1))}

        def overtaken(clearing: Clearing, table: Table, deed: str) -> Iterator[list[str]]:
            monkeypatch.setattr(Clearing, "_scanned", scanned)
            found = list(scanned(clearing, table, deed))
            reset(other, later)
            model.seal(claim(201), LOG)
            write(model, fence(-1, 0, 201), *accounts(10))
            yield from found

        monkeypatch.setattr(Clearing, "_scanned", overtaken)
        with pytest.raises(Fenced, match="another reset of customers"):
            reset(model)

        assert len(rows(model, ACCOUNTS, [(name,) for name, _, _ in accounts(10)])) == 10
        assert offset_in(model) == at(0)

    def test_a_reset_that_another_one_overtook_does_not_end_that_one(
        self, model: ReadModel, other: ReadModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun(model)
        later = {ORDERS: Seal(200, "later", LOG, at(-1))}
        ends = Clearing._finish

        def die(*_: object) -> None:
            raise Died

        def overtaken(clearing: Clearing, *given: Any) -> None:
            monkeypatch.setattr(Clearing, "_finish", die)
            with pytest.raises(Died):
                reset(other, later)
            monkeypatch.setattr(Clearing, "_finish", ends)
            ends(clearing, *given)

        monkeypatch.setattr(Clearing, "_finish", overtaken)
        with pytest.raises(Fenced, match="another reset of customers"):
            reset(model)

        with pytest.raises(OffsetLost):
            model.seal(claim(201), LOG)

    def test_what_is_done_at_the_start_is_done_again_where_another_came_in_between(
        self, model: ReadModel, other: ReadModel
    ) -> None:
        runs = []

        def also(transaction: Transaction) -> None:
            found = transaction.load(ACCOUNTS, [("a",)]).get(("a",))
            runs.append(found)
            if found is None:
                other.prepare([], lambda each: each.write(ACCOUNTS, [("a", 5, None)]))
            transaction.write(ACCOUNTS, [("a", (found[1] if found else 0) + 1, None)])

        model.prepare([ACCOUNTS], also)

        assert runs == [None, ("a", 5, None)]
        assert row(model, "a") == ("a", 6, None)

    def test_a_read_model_that_lost_its_data_refuses_who_held_it(
        self, model: ReadModel, client: Any, prefix: str
    ) -> None:
        taken = begun(model)
        write(model, fence(-1, 0), ("a", 1, None))
        for key in everything(client, prefix):
            client.delete(key)

        with pytest.raises(Fenced):
            write(model, fence(0, 1), ("a", 2, None))
        with pytest.raises(Fenced):
            model.begin(taken, at(0))
        assert model.sealed("customers", ORDERS) is None
        assert row(model, "a") is None

    def test_calls_that_arrive_late_a_second_time_change_nothing(
        self,
        model: ReadModel,
        client: Any,
        prefix: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        calls: list[tuple[Any, ...]] = []
        with monkeypatch.context() as patch:
            for module in (clearing, seals, read_model):
                patch.setattr(module, "run", remembering(module.run, calls))
            begun(model)
            write(model, fence(-1, 0), *accounts(10))
            with model.transaction(fence(0, 1)) as transaction:
                transaction.append(ACCOUNTS, [("b", 1, None)])
                transaction.write(ACCOUNTS, [], gone=[("key-1",)])
            reset(model)
        model.seal(claim(101), LOG)
        write(model, fence(-1, 0, 101), *accounts(10))
        before = everything(client, prefix)

        for call in calls:
            run(client, *call)
        assert everything(client, prefix) == before
        assert {each[0] for each in calls} == {
            each for each in vars(read_model_scripts).values() if isinstance(each, Script)
        }

    @pytest.mark.parametrize("partition", [ORDERS, OTHER])
    @pytest.mark.parametrize("epoch", [50, 150])
    def test_a_claim_that_comes_while_a_reset_begins_is_fenced_or_stops_it(
        self,
        model: ReadModel,
        other: ReadModel,
        monkeypatch: pytest.MonkeyPatch,
        partition: Partition,
        epoch: int,
    ) -> None:
        begun(model)
        write(model, fence(-1, 0), *accounts(10))
        calls = seals.run

        def interrupted(client: Client, script: Script, *given: Any) -> Any:
            if script is read_model_scripts.MARK:
                monkeypatch.setattr(seals, "run", calls)
                other.seal(claim(epoch, partition=partition), LOG)
                if partition == OTHER:
                    other.begin(claim(epoch, partition=partition), at(-1))
            return calls(client, script, *given)

        monkeypatch.setattr(seals, "run", interrupted)
        stands = 0 if partition == ORDERS else -1
        if epoch > 100 and partition == ORDERS:
            with pytest.raises(Fenced):
                reset(model)
            write(other, fence(stands, 7, epoch, partition), ("a", 1, None))
        else:
            reset(model)
            with pytest.raises(Fenced):
                write(other, fence(stands, 7, epoch, partition), ("a", 1, None))
            assert not rows(model, ACCOUNTS, [(name,) for name, _, _ in accounts(10)])

    def test_a_reset_that_is_done_may_be_done_again_until_somebody_works(
        self, model: ReadModel
    ) -> None:
        begun(model)
        for _ in range(3):
            reset(model)
            assert model.sealed("customers", ORDERS) == ANEW[ORDERS]
        model.seal(claim(101), LOG)

        with pytest.raises(Fenced):
            reset(model)

    @pytest.mark.parametrize(("field", "value"), [("epoch", "x"), ("offset", "x"), ("schema", "")])
    def test_a_seal_that_is_damaged_is_told(
        self, model: ReadModel, client: Any, prefix: str, field: str, value: str
    ) -> None:
        begun(model)
        client.hset(f"{{{prefix}}}:projection_seal:customers:orders/3", field, value)

        with pytest.raises(Misconfigured, match=r"customers.*orders/3"):
            model.sealed("customers", ORDERS)

    def test_a_seal_of_a_newer_release_is_left_alone(
        self, model: ReadModel, client: Any, prefix: str
    ) -> None:
        begun(model)
        client.hset(f"{{{prefix}}}:projection_seal:customers:orders/3", "schema", "2")

        with pytest.raises(NewerRecord, match=r"customers.*orders/3"):
            model.seal(claim(2), LOG)

    def test_there_is_no_cursor(self, model: ReadModel) -> None:
        begun(model)
        with model.transaction(fence(-1, 0)) as transaction, pytest.raises(Misconfigured):
            _ = transaction.cursor


@pytest.mark.parametrize("new_client", ["valkey", "redis_62", "valkey_cluster"], indirect=True)
class TestRedisReadModelValues(ReadModelValuesContract):
    @pytest.fixture
    def new_client(self, request: pytest.FixtureRequest) -> Callable[[], Client]:
        return clients_of(request)

    @pytest.fixture
    def open_model(self, new_client: Callable[[], Client]) -> Callable[[], RedisReadModel]:
        prefix = f"test-{uuid.uuid4().hex}"
        return lambda: RedisReadModel(new_client(), prefix=prefix)


def remembering(run: Callable[..., Any], calls: list[tuple[Any, ...]]) -> Callable[..., Any]:
    def remembered(client: Client, *call: Any) -> Any:
        calls.append(call)
        return run(client, *call)

    return remembered


def everything(client: Any, prefix: str) -> dict[bytes, Any]:
    """All hashes and sets under the prefix."""
    found = client.scan_iter(match=f"{{{prefix}}}:*", count=10_000)
    return {
        key: client.hgetall(key) if client.type(key) == b"hash" else client.smembers(key)
        for key in found
    }


class Died(Exception):
    """As with SIGKILL: what comes after this call never happens."""


class Dying:
    """Lets a reset make so many calls of scripts."""

    def __init__(self, calls: int) -> None:
        self._left = calls

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        for module in (clearing, seals):
            patch.setattr(module, "run", self._wrapped(module.run))

    def _wrapped(self, run: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(client: Client, script: Script, *given: Any) -> Any:
            if script is not read_model_scripts.LOAD:
                if not self._left:
                    raise Died
                self._left -= 1
            return run(client, script, *given)

        return wrapped


@pytest.mark.parametrize("prefix", ["", "{a}", "a{", "}a"])
def test_a_prefix_that_cannot_be_one_is_refused(prefix: str) -> None:
    client = connect("redis://localhost:1/0")
    with pytest.raises(Misconfigured, match="prefix"):
        RedisReadModel(client, prefix=prefix)
    client.close()


def test_a_server_that_evicts_is_refused(own_valkey: Callable[..., Any]) -> None:
    server = own_valkey(options=("--maxmemory-policy", "allkeys-lru"))
    model = RedisReadModel(connect(server.url), prefix="prod")

    with pytest.raises(Misconfigured, match="allkeys-lru"):
        model.prepare([ACCOUNTS], lambda transaction: None)
    model.close()


def test_a_user_with_these_rights_alone_can_do_it_all(redis_room: Any) -> None:
    model, client = redis_room
    rights = (
        "~{prod}:* +ping +info +scan +eval +evalsha +exists +del +unlink +hget +hmget +hset +hsetnx +hdel "
        "+sadd +scard +smembers"
    )
    client.execute_command("ACL", "SETUSER", "worker", "on", ">secret", *rights.split())
    address = client.connection_pool.connection_kwargs
    url = f"redis://worker:secret@{address['host']}:{address['port']}/0"
    limited = model_on(url)
    begun(limited)
    write(limited, fence(-1, 0), *accounts(10))
    with limited.transaction(fence(0, 1)) as transaction:
        transaction.load(ACCOUNTS, [("key-1",)])
        transaction.append(ACCOUNTS, [("b", 1, None)])
        transaction.write(ACCOUNTS, [("key-1", 5, None)], gone=[("key-2",)])
    reset(limited)
    assert not rows(model, ACCOUNTS, [("b",), ("key-1",)])
    limited.close()

    other = RedisReadModel(connect(url), prefix="other")
    with pytest.raises(Misconfigured, match=r"ACL|permission"):
        other.seal(claim(), LOG)
    other.close()


# --- replies that are lost ---


@pytest.fixture
def proxy(valkey: Any) -> Iterator[LosingProxy]:
    with LosingProxy(valkey.url) as proxy:
        yield proxy


@pytest.fixture
def beyond_proxy(proxy: LosingProxy) -> Iterator[RedisReadModel]:
    """Its scripts are known to the server, so that a call is by name."""
    model = RedisReadModel(connect(proxy.url), prefix=f"test-{uuid.uuid4().hex}")
    model.prepare([ACCOUNTS, ROOMS], lambda transaction: None)
    begun(model, partition=OTHER, projection="others")
    write(model, fence(-1, 0, partition=OTHER, projection="others"), (1, 1, "x"), table=ROOMS)
    with model.reset("others", {OTHER: Seal(2, "r", LOG, at(-1))}) as transaction:
        transaction.clear(ROOMS)
    yield model
    model.close()


def test_a_write_whose_reply_was_lost_happened_once(
    proxy: LosingProxy, beyond_proxy: RedisReadModel
) -> None:
    model = beyond_proxy
    begun(model)
    write(model, fence(-1, 0), ("a", 1, None))
    proxy.lose_reply_to(read_model_scripts.WRITE.sha.encode())
    with model.transaction(fence(0, 1)) as transaction:
        count = transaction.load(ACCOUNTS, [("a",)])[("a",)][1]
        transaction.write(ACCOUNTS, [("a", count + 1, None)])
        transaction.append(ACCOUNTS, [("b", 1, None)])

    assert proxy.lost == 1
    assert rows(model, ACCOUNTS, [("a",), ("b",)]) == {
        ("a",): ("a", 2, None),
        ("b",): ("b", 1, None),
    }
    assert offset_in(model) == at(1)


def test_what_is_done_at_the_start_happens_once_though_its_reply_was_lost(
    proxy: LosingProxy, beyond_proxy: RedisReadModel
) -> None:
    runs = []
    proxy.lose_reply_to(read_model_scripts.WRITE.sha.encode())
    beyond_proxy.prepare(
        [ACCOUNTS],
        lambda transaction: runs.append(transaction.append(ACCOUNTS, [("a", 1, None)])),
    )

    assert proxy.lost == 1
    assert len(runs) == 1
    assert row(beyond_proxy, "a") == ("a", 1, None)


def test_a_seal_and_a_beginning_whose_replies_were_lost_hold(
    proxy: LosingProxy, beyond_proxy: RedisReadModel
) -> None:
    for epoch in (1, 2):
        proxy.lose_reply_to(read_model_scripts.SWAP.sha.encode())
        assert beyond_proxy.seal(claim(epoch), LOG).epoch == epoch
    proxy.lose_reply_to(read_model_scripts.SWAP.sha.encode())
    beyond_proxy.begin(claim(2), at(41))

    assert proxy.lost == 3
    assert beyond_proxy.sealed("customers", ORDERS) == Seal(2, "token-2", LOG, at(41))


@pytest.mark.parametrize("script", ["MARK", "DELETE", "FINISH"])
def test_a_reset_of_which_a_reply_was_lost_is_done(
    proxy: LosingProxy, beyond_proxy: RedisReadModel, script: str
) -> None:
    model = beyond_proxy
    begun(model)
    write(model, fence(-1, 0), *accounts(10))
    proxy.lose_reply_to(getattr(read_model_scripts, script).sha.encode())
    reset(model)

    assert proxy.lost == 1
    assert not rows(model, ACCOUNTS, [(name,) for name, _, _ in accounts(10)])
    assert model.sealed("customers", ORDERS) == ANEW[ORDERS]


# --- servers that refuse, die and forget ---


def test_without_memory_a_write_is_refused_as_a_whole_or_runs_through(redis_room: Any) -> None:
    model, client = redis_room
    begun(model)
    write(model, fence(-1, 0), ("old", 1, "before"))
    before = client.dbsize()
    client.config_set("maxmemory", "1")
    for attempt in (
        lambda: write(model, fence(0, 1), ("old", 2, None), *accounts(5000)),
        lambda: model.seal(claim(2), LOG),
        lambda: reset(model),
        lambda: model.prepare([], lambda each: each.write(ACCOUNTS, [("old", 2, None)])),
    ):
        with pytest.raises(Transient, match="maxmemory"):
            attempt()
    assert client.dbsize() == before
    assert row(model, "old") == ("old", 1, "before")

    # Until there is room when the script begins, and none long before it ends.
    limit = client.info("memory")["used_memory"]
    while offset_in(model) == at(0):
        limit += 50_000
        client.config_set("maxmemory", limit)
        try:
            write(model, fence(0, 1), ("old", 2, None), *accounts(5000))
        except Transient:
            assert client.dbsize() == before
    assert client.info("memory")["used_memory"] > limit
    assert client.dbsize() == before + 5000
    assert row(model, "old") == ("old", 2, None)
    client.config_set("maxmemory", "0")
    write(model, fence(1, 2), ("old", 3, None))


@pytest.fixture(params=["valkey", "redis_62", "redis_70"])
def redis_room(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A server of the kind alone for the test, a model on it, and a client."""
    binary = {
        "valkey": servers.valkey_binary,
        "redis_62": servers.redis_62_binary,
        "redis_70": servers.redis_70_binary,
    }[request.param]
    request.getfixturevalue(request.param)  # which skips where it is not to be had
    with servers.Valkey(server=binary()) as server:
        client = connect(server.url)
        model = model_on(server.url)
        yield model, client
        model.close()
        client.close()


def test_a_replica_is_not_written_and_waited_for(own_valkey: Callable[..., Any]) -> None:
    master, server = own_valkey(), own_valkey()
    model = model_on(server.url)
    begun(model)
    write(model, fence(-1, 0), ("a", 1, None))
    admin = connect(server.url)
    host, port = master.address.split(":")
    with admin.pipeline(transaction=False) as pipeline:
        pipeline.execute_command("CONFIG", "SET", "replica-serve-stale-data", "yes")
        pipeline.execute_command("REPLICAOF", host, port)
        pipeline.execute()

    with pytest.raises(Transient):
        model.seal(claim(2), LOG)
    admin.execute_command("REPLICAOF", "NO", "ONE")
    admin.close()
    model.close()


def test_a_server_that_is_killed_keeps_rows_and_offset_together(
    own_valkey: Callable[..., Any],
) -> None:
    server = own_valkey(append_only=True, options=("--appendfsync", "always"))
    model = model_on(server.url)
    begun(model)
    told = [-1]

    def work() -> None:
        try:
            for offset in itertools.count():
                count = [(f"{number}", offset, None) for number in range(300)]
                write(model, fence(offset - 1, offset), *count)
                told.append(offset)
        except Transient:
            return

    worker = threading.Thread(target=work)
    worker.start()
    eventually(lambda: len(told) > 20, "writes")
    server.kill()
    worker.join()
    server.start()

    offset = offset_in(model)
    assert offset in {at(told[-1]), at(told[-1] + 1)}
    found = rows(model, ACCOUNTS, [(f"{number}",) for number in range(300)])
    assert {each[1] for each in found.values()} == {int(str(offset))}
    assert len(found) == 300
    model.close()


def test_who_is_killed_within_a_transaction_holds_nobody_up(valkey: Any) -> None:
    prefix = f"test-{uuid.uuid4().hex}"
    model = RedisReadModel(connect(valkey.url), prefix=prefix)
    model.prepare([ACCOUNTS], lambda transaction: None)
    begun(model)
    write(model, fence(-1, 0), ("a", 1, None))
    code = f"""
import time
from consumer.adapters.redis.connection import connect
from consumer.adapters.redis.read_model import RedisReadModel
from tests.contracts.read_model_contract import ACCOUNTS, fence
with RedisReadModel(connect({valkey.url!r}), prefix={prefix!r}).transaction(fence(0, 1)) as transaction:
    transaction.load(ACCOUNTS, [("a",)])
    transaction.write(ACCOUNTS, [("a", 2, None)])
    print("loaded", flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == b"loaded\n"
        dying.kill()

    assert row(model, "a") == ("a", 1, None)
    assert model.seal(claim(2), LOG).offset == at(0)
    write(model, fence(0, 1, 2), ("a", 3, None))
    assert row(model, "a") == ("a", 3, None)
    model.close()


def test_rows_are_looked_through_again_when_the_server_was_another_one_meanwhile(
    own_valkey: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = own_valkey(append_only=True, options=("--appendfsync", "always"))
    model = model_on(server.url)
    begun(model)
    write(model, fence(-1, 0), *accounts(20_000))
    scans = []
    scanned = Clearing._scanned

    def interrupted(clearing: Clearing, table: Table, deed: str) -> Iterator[list[str]]:
        scans.append(table)
        for number, some in enumerate(scanned(clearing, table, deed)):
            if len(scans) == 1 and number == 3:
                server.restart()
            yield some

    monkeypatch.setattr(Clearing, "_scanned", interrupted)
    reset(model)

    assert len(scans) == 2
    assert not rows(model, ACCOUNTS, [(name,) for name, _, _ in accounts(20_000)])
    model.close()


# --- a cluster whose slots move ---


class Moving:
    """The slot of the prefix, on its way from one master to another."""

    def __init__(self, masters: list[Any], prefix: str) -> None:
        self.cluster: Any = connect(masters[0].url, cluster=True)
        clients = {server.address: connect(server.url) for server in masters}
        self.slot = self.cluster.keyslot(f"{{{prefix}}}:")
        source = self.cluster.nodes_manager.slots_cache[self.slot][0]
        self.source: Any = clients[f"127.0.0.1:{source.port}"]
        self.target: Any = next(each for each in clients.values() if each is not self.source)
        self.target_port = next(
            int(address.split(":")[1]) for address, each in clients.items() if each is self.target
        )
        self.clients = clients
        self.ids = [
            each.execute_command("CLUSTER MYID").decode() for each in (self.source, self.target)
        ]

    def begin(self) -> None:
        self.target.execute_command("CLUSTER", "SETSLOT", self.slot, "IMPORTING", self.ids[0])
        self.source.execute_command("CLUSTER", "SETSLOT", self.slot, "MIGRATING", self.ids[1])

    def move(self, count: int) -> None:
        keys = self.source.execute_command("CLUSTER", "GETKEYSINSLOT", self.slot, count)
        for key in keys:
            self.source.execute_command("MIGRATE", "127.0.0.1", self.target_port, key, 0, 5000)

    def end(self) -> None:
        self.move(1_000_000)
        for each in (self.target, self.source, *self.clients.values()):
            each.execute_command("CLUSTER", "SETSLOT", self.slot, "NODE", self.ids[1])

    def close(self) -> None:
        for each in (self.cluster, *self.clients.values()):
            each.close()


@pytest.fixture
def moving() -> Iterator[Moving]:
    with servers.cluster_processes() as masters:
        moving = Moving(masters, "prod")
        yield moving
        moving.close()


@pytest.mark.parametrize("moved", [0, 7, 10_000])
def test_while_a_slot_moves_nothing_is_half_written_and_afterwards_all_goes_on(
    moving: Moving, moved: int
) -> None:
    model = RedisReadModel(moving.cluster, prefix="prod")
    model.prepare([ACCOUNTS, ROOMS], lambda transaction: None)
    begun(model)
    write(model, fence(-1, 0), *accounts(20))
    moving.begin()
    moving.move(moved)
    for attempt in (
        lambda: write(model, fence(0, 1), *[(key, 99, None) for key, _, _ in accounts(40)]),
        lambda: write(model, fence(0, 1), *[(key, 99, None) for key, _, _ in accounts(20)]),
        lambda: model.seal(claim(2), LOG),
        lambda: reset(model),
    ):
        with pytest.raises(Transient):
            attempt()
    moving.end()

    found = rows(model, ACCOUNTS, [(key,) for key, _, _ in accounts(40)])
    assert sorted(found.values()) == sorted(accounts(20))
    assert offset_in(model) == at(0)
    write(model, fence(0, 1), *accounts(40))
    assert len(rows(model, ACCOUNTS, [(key,) for key, _, _ in accounts(40)])) == 40
    reset(model)
    assert not rows(model, ACCOUNTS, [(key,) for key, _, _ in accounts(40)])


def test_a_slot_that_begins_to_move_within_a_reset_leaves_it_half_done(
    moving: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = RedisReadModel(moving.cluster, prefix="prod")
    model.prepare([ACCOUNTS, ROOMS], lambda transaction: None)
    begun(model)
    write(model, fence(-1, 0), *accounts(20))
    ends = Clearing._finish

    def moved(clearing: Clearing, *given: Any) -> None:
        moving.begin()
        ends(clearing, *given)

    monkeypatch.setattr(Clearing, "_finish", moved)
    with pytest.raises(Transient), model.reset("customers", ANEW) as transaction:
        transaction.write(ACCOUNTS, [(key, 99, None) for key, _, _ in accounts(20)])
    moving.end()
    monkeypatch.setattr(Clearing, "_finish", ends)

    with pytest.raises(OffsetLost):
        model.seal(claim(101), LOG)
    found = rows(model, ACCOUNTS, [(key,) for key, _, _ in accounts(20)])
    assert sorted(found.values()) == sorted(accounts(20))
    reset(model)
    assert model.seal(claim(101), LOG).offset == at(-1)


def test_rows_whose_slot_moved_while_they_were_looked_through_are_found(
    moving: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = RedisReadModel(moving.cluster, prefix="prod")
    model.prepare([ACCOUNTS, ROOMS], lambda transaction: None)
    begun(model)
    write(model, fence(-1, 0), *accounts(50))
    scans = []
    scanned = Clearing._scanned

    def interrupted(clearing: Clearing, table: Table, deed: str) -> Iterator[list[str]]:
        scans.append(table)
        if len(scans) == 1:
            moving.begin()
            moving.end()
            return
        yield from scanned(clearing, table, deed)

    monkeypatch.setattr(Clearing, "_scanned", interrupted)
    reset(model)

    assert len(scans) == 2
    assert not rows(model, ACCOUNTS, [(key,) for key, _, _ in accounts(50)])


def test_a_conflict_names_the_table_and_no_key(valkey: Any) -> None:
    prefix = f"test-{uuid.uuid4().hex}"
    models = [RedisReadModel(connect(valkey.url), prefix=prefix) for _ in range(2)]
    for number, model in enumerate(models):
        begun(model, partition=Partition("orders", number))

    def overtaken() -> None:
        with models[0].transaction(fence(-1, 0, partition=Partition("orders", 0))) as transaction:
            transaction.load(ACCOUNTS, [("secret",)])
            write(models[1], fence(-1, 0, partition=Partition("orders", 1)), ("secret", 1, None))

    with pytest.raises(Conflict, match="accounts") as conflict:
        overtaken()

    assert "secret" not in str(conflict.value)
    for model in models:
        model.close()
