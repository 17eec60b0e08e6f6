"""docs/settings.md: its YAML is read as it stands, and it names every setting there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from consumer.adapters.redis.connection import connect
from consumer.embedded.valkey import Valkey
from consumer.engine.upcasting import Upcasting
from consumer.model.position import IntOffset, LogIdentity, Partition
from consumer.settings.document import Settings
from consumer.settings.loading import load
from consumer.wiring.offsets import offset_store
from tests.examples.pages import ROOT, block

PAGE = "docs/settings.md"


@pytest.fixture(autouse=True)
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secrets").mkdir()
    for name in ("redis", "kafka"):
        (tmp_path / "secrets" / name).write_text("a secret\n")
    monkeypatch.chdir(tmp_path)


def read(text: str) -> Settings:
    path = Path("projections.yaml")
    path.write_text(text)
    return load(path)


def test_the_example_is_read_as_it_stands() -> None:
    settings = read(block(PAGE, "yaml", "offsets:"))
    assert settings.projection("orders").source.topics == ["orders"]


def test_the_example_of_a_codec_is_read_as_it_stands() -> None:
    document = yaml.safe_load(block(PAGE, "yaml", "offsets:"))
    document["projections"]["orders"]["source"] |= yaml.safe_load(block(PAGE, "yaml", "codec:\n"))
    assert read(yaml.safe_dump(document)).projection("orders").source.codec != "cloudevents"


def test_the_example_of_upcasters_makes_a_chain() -> None:
    names: dict[str, Any] = {}
    exec(block(PAGE, "python", "@upcaster"), names)
    assert Upcasting(names["orders"], ["OrderPlaced"]).versions == {"OrderPlaced": 3}


def test_the_acl_of_the_page_is_enough_for_checkpoints(own_valkey: Callable[..., Valkey]) -> None:
    server = own_valkey()
    with closing(connect(server.url)) as admin:
        admin.execute_command(*block(PAGE, "text", "ACL SETUSER").split())
    ours = read(f"""
offsets: {{redis: {{url: "{server.url}", username: projections, password: secret, prefix: prod}}}}
sources: {{}}
""")
    with closing(offset_store(ours.offsets)) as store:
        log = LogIdentity("log", 1)
        claim = store.claim("orders", Partition("orders", 0), owner="me", log=log)
        store.commit(claim, None, IntOffset(0))
        store.release(claim)
        assert store.list_projections() == ["orders"]
        store.reset("orders")


def test_the_page_names_every_setting() -> None:
    page = (ROOT / PAGE).read_text()
    assert [name for name in set(_names(Settings)) if f"{name}" not in page] == []


def _names(part: type[BaseModel]) -> Iterator[str]:
    for name, field in part.model_fields.items():
        yield field.alias or name
        for inner in _models(field.annotation):
            yield from _names(inner)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner)
