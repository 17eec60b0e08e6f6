"""`projections offsets reset` of read models, as an operator types it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from consumer.adapters.sqlite.read_model import SqliteReadModel
from consumer.cli import exits
from consumer.model.position import Claim, Fence, IntOffset, LogIdentity
from consumer.model.table import Column, Kind, Table
from tests.unit.cli.operator_desk import PARTITIONS, SETTINGS, OperatorDesk
from tests.unit.listed_log import counted

SHOP = """
from consumer import Column, Kind, Table

class Shop:
    name = "shop"
    handles = None
    read_models = None
    tables = (Table("orders", (Column("id", Kind.TEXT),), ("id",)),)

    def prepare(self, transaction): ...
    def project(self, batch, transaction): ...
    def clear(self, transaction):
        for table in self.tables:
            transaction.clear(table)
"""
ORDERS = Table("orders", (Column("id", Kind.TEXT),), ("id",))
EMPTIED = """
class Shop:
    name = "shop"
    handles = None
    def apply(self, batch): ...
    def reset(self): open("emptied", "w").close()
    def close(self): open("closed", "w").close()
"""


class RowsDesk(OperatorDesk):
    """A desk whose projection keeps its rows in a file."""

    @contextmanager
    def rows(self) -> Iterator[SqliteReadModel]:
        with closing(SqliteReadModel("rows.sqlite")) as store:
            yield store

    def applied(self, number: int, at: int) -> None:
        """As a worker leaves it behind that was stopped."""
        claim = self.committed(number, at)
        sealed = Claim("shop", PARTITIONS[number], claim.epoch, claim.token, None)
        with self.rows() as rows, self.store() as store:
            rows.prepare([ORDERS], lambda transaction: None)
            rows.seal(sealed, LogIdentity("log", 3))
            rows.begin(sealed, IntOffset(-1))
            fence = Fence("shop", PARTITIONS[number], claim.epoch, IntOffset(-1), IntOffset(at))
            with rows.transaction(fence) as transaction:
                transaction.write(ORDERS, [(f"order {number}",)])
            store.release(claim)

    @property
    def places(self) -> list[int | None]:
        with self.rows() as rows:
            seals = [rows.sealed("shop", each) for each in PARTITIONS]
        offsets = [None if seal is None else seal.offset for seal in seals]
        return [each.value if isinstance(each, IntOffset) else None for each in offsets]

    @property
    def ids(self) -> set[str]:
        found: set[str] = set()
        with self.rows() as rows:
            keys = [(f"order {number}",) for number in range(3)]
            rows.prepare(
                [ORDERS], lambda transaction: found.update(*transaction.load(ORDERS, keys).values())
            )
        return found


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> RowsDesk:
    desk = RowsDesk(tmp_path, monkeypatch, capsys)
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "projections.yaml").write_text(
        SETTINGS.rstrip().removesuffix("}") + ", read_model: {sqlite: {path: rows.sqlite}}}\n"
    )
    return desk


@pytest.fixture
def worked(desk: RowsDesk) -> RowsDesk:
    desk.applied(0, 3)
    desk.applied(1, 5)
    return desk


def reset(desk: OperatorDesk, *words: str) -> tuple[int, str, str]:
    return desk.call("offsets", "reset", "shop", *words)


def test_a_rebuild_says_that_the_rows_are_cleared_and_clears_them(worked: RowsDesk) -> None:
    code, out, err = reset(worked, "--to-earliest", "--yes")

    assert (code, err) == (exits.DONE, "")
    assert out.splitlines()[-2:] == [
        "the rows of the read model are cleared, and made anew from what the log holds",
        "done; the rows were cleared, and are made anew when a worker runs",
    ]
    assert (worked.ids, worked.places, worked.offsets()) == (set(), [-1, -1, -1], [-1, -1, -1])


def test_a_dry_run_says_so_and_changes_nothing(worked: RowsDesk) -> None:
    code, out, err = reset(worked, "--to-earliest", "--dry-run")

    assert (code, err) == (exits.DONE, "")
    assert out.splitlines()[-1].startswith("the rows of the read model are cleared")
    assert (worked.ids, worked.places) == ({"order 0", "order 1"}, [3, 5, None])
    assert worked.offsets() == [3, 5, None]


def test_a_dry_run_makes_no_file(desk: RowsDesk) -> None:
    assert reset(desk, "--to-earliest", "--dry-run")[0] == exits.DONE

    assert not Path("rows.sqlite").exists()
    assert not Path("offsets.sqlite").exists()


def test_what_the_log_lost_and_the_rows_hold_is_named(worked: RowsDesk) -> None:
    worked.broker.log.first = 1
    worked.broker.log.kept[PARTITIONS[1]] = counted(10, first=2)

    _, out, _ = reset(worked, "--to-earliest", "--dry-run")

    assert out.splitlines()[-1] == (
        "orders/1 begins at 2: what came before is gone from the rows too"
    )


def test_forward_says_how_many_events_will_never_be_in_the_rows(worked: RowsDesk) -> None:
    code, out, _ = reset(worked, "--to-latest", "--partition", "orders/0", "--yes")

    assert code == exits.DONE
    assert out.splitlines()[-2:] == [
        "the rows of the read model are kept; what is passed over, 6 events, will never be in them",
        "done; the rows are as they were",
    ]
    assert (worked.ids, worked.places) == ({"order 0", "order 1"}, [9, 5, None])


@pytest.mark.parametrize("words", ["--to-offset 3", "--to-earliest --partition orders/0"])
def test_what_would_count_twice_is_refused(worked: RowsDesk, words: str) -> None:
    code, out, err = reset(worked, *words.split(), "--yes")

    assert (code, out) == (exits.MISCONFIGURED, "")
    assert "orders/0: the read model holds the events before 4" in err
    assert (worked.ids, worked.places) == ({"order 0", "order 1"}, [3, 5, None])


def test_a_document_tells_what_becomes_of_the_rows(worked: RowsDesk) -> None:
    for words, fate in (("--to-earliest", "cleared"), ("--to-latest", "kept")):
        found = worked.document("offsets", "reset", "shop", words, "--dry-run")
        assert found["read_model"] == fate
    assert [each["from"] for each in found["partitions"]] == ["4", "6", None]


def test_a_projector_that_cannot_be_imported_moves_nothing(worked: RowsDesk) -> None:
    Path("shop.py").write_text("import there_is_no_such_module")

    code, _, err = reset(worked, "--to-latest", "--yes")

    assert code == exits.MISCONFIGURED
    assert "there_is_no_such_module" in err
    assert worked.offsets() == [3, 5, None]


def test_a_projector_of_the_other_kind_is_refused(worked: RowsDesk) -> None:
    Path("shop.py").write_text(EMPTIED)

    code, _, err = reset(worked, "--to-latest", "--yes")

    assert code == exits.MISCONFIGURED
    assert "writes by itself" in err


def test_a_projector_that_writes_by_itself_empties_its_read_model_if_it_can(
    desk: RowsDesk,
) -> None:
    Path("shop.py").write_text(EMPTIED)
    Path("projections.yaml").write_text(SETTINGS)
    with desk.store() as store:
        store.release(desk.committed(0, 3))

    assert reset(desk, "--to-latest", "--yes")[1].endswith("the read model was not touched\n")
    assert not Path("closed").exists(), "its code is not needed"
    dry = reset(desk, "--to-earliest", "--dry-run")[1]
    assert dry.splitlines()[-1] == "its projector empties the read model first"
    assert not Path("emptied").exists()
    assert reset(desk, "--to-earliest", "--yes")[1].endswith(
        "its projector emptied the read model\n"
    )
    assert Path("emptied").exists()
    assert Path("closed").exists()
