"""docs/settings.md: its YAML is read as it stands, and it names every setting there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from consumer.engine.upcasting import Upcasting
from consumer.settings.document import Settings
from consumer.settings.loading import load
from tests.examples.pages import ROOT, block, blocks

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


def test_the_examples_of_codecs_are_read_as_they_stand() -> None:
    Path("order.avsc").write_text('"string"')
    codecs = [text for text in blocks(PAGE, "yaml") if text.startswith("codec:\n")]
    assert codecs
    for text in codecs:
        document = yaml.safe_load(block(PAGE, "yaml", "offsets:"))
        document["projections"]["orders"]["source"] |= yaml.safe_load(text)
        assert read(yaml.safe_dump(document)).projection("orders").source.codec != "cloudevents"


def test_the_example_of_upcasters_makes_a_chain() -> None:
    names: dict[str, Any] = {}
    exec(block(PAGE, "python", "@upcaster"), names)
    assert Upcasting(names["orders"], ["OrderPlaced"]).versions == {"OrderPlaced": 3}


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
