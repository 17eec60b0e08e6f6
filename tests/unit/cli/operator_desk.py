"""An operator's desk without a network: settings, checkpoints in a file, a log that is a list."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from consumer.adapters.sqlite.offset_store import SqliteOffsetStore
from consumer.adapters.sqlite.presence import SqlitePresence
from consumer.cli.program import run_program
from consumer.errors import ConsumerError, Misconfigured
from consumer.model.position import Claim, IntOffset, LogIdentity, Offset, Partition
from tests.unit.listed_log import ListedLog, counted

PARTITIONS = [Partition("orders", number) for number in range(3)]
SETTINGS = """
offsets: {sqlite: {path: offsets.sqlite}}
sources: {main: {kafka: {bootstrap_servers: ["localhost:1"]}}}
projections:
  shop: {projector: "shop:Shop", source: {from: main, topics: [orders]}}
"""

PROJECTOR = """
class Shop:
    name = "shop"
    handles = None

    def apply(self, batch): ...
"""


class ListedBroker:
    """The `Broker` of one log, and a book that remembers what it was shown."""

    def __init__(self) -> None:
        self.log = ListedLog({each: counted(10) for each in PARTITIONS})
        self.mirrored: dict[Partition, Offset] = {}
        #: Raised by whoever asks for the log, or shows the book anything.
        self.away: ConsumerError | None = None
        #: A topic that there is not.
        self.missing = ""
        #: How often anybody asked for it.
        self.asked = 0
        self.unmirrorable: ConsumerError | None = None

    session_seconds = 10.0

    def reach(self) -> None:
        self.asked += 1
        if self.away:
            raise self.away

    def event_log(self, topics: Sequence[str], codec: object) -> ListedLog:
        self.reach()
        if self.missing in topics:
            raise Misconfigured(f"there is no topic {self.missing}")
        return self.log

    def mirror(self, projection: str, settings: object) -> ListedBroker:
        return self

    def show(self, offsets: Mapping[Partition, Offset]) -> None:
        if self.unmirrorable:
            raise self.unmirrorable
        self.mirrored.update(offsets)

    def close(self) -> None: ...


class OperatorDesk:
    """The command line in a folder, and what stands in the files there."""

    def __init__(
        self, folder: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._folder = folder
        self._patch = patch
        self._capsys = capsys
        self.broker = ListedBroker()
        patch.chdir(folder)
        patch.setattr(sys, "path", sys.path[:])
        for module in ("standing", "resetting"):
            patch.setattr(f"consumer.wiring.{module}.broker", lambda settings: self.broker)
        patch.delitem(sys.modules, "shop", raising=False)
        (folder / "projections.yaml").write_text(SETTINGS)
        (folder / "shop.py").write_text(PROJECTOR)

    def call(self, *words: str) -> tuple[int, str, str]:
        """Exit code, output, complaints."""
        self._patch.setattr(sys, "argv", ["projections", *words])
        with pytest.raises(SystemExit) as ended:
            run_program()
        out, err = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    def document(self, *words: str) -> Any:
        """What a verb that ends well prints as JSON."""
        code, out, err = self.call(*words, "--json")
        assert code == 0, err
        return json.loads(out)

    @contextmanager
    def store(self) -> Iterator[SqliteOffsetStore]:
        """The checkpoints."""
        store = SqliteOffsetStore(self._folder / "offsets.sqlite")
        yield store
        store.close()

    def committed(self, number: int, at: int, *, owner: str = "worker", log: str = "log") -> Claim:
        """A checkpoint in the hands of an owner."""
        with self.store() as store:
            partition = PARTITIONS[number]
            claim = store.claim("shop", partition, owner=owner, log=LogIdentity(log, 3))
            store.commit(claim, claim.offset, IntOffset(at))
        return claim

    def alive(self, owner: str) -> None:
        """A worker's sign of life."""
        presence = SqlitePresence(self._folder / "offsets.sqlite")
        presence.extend(owner, 60)
        presence.close()

    def offsets(self) -> list[int | None]:
        """Where the checkpoints stand."""
        with self.store() as store:
            found = [store.get("shop", each) for each in PARTITIONS]
        values = [each.offset if each else None for each in found]
        return [each.value if isinstance(each, IntOffset) else None for each in values]
