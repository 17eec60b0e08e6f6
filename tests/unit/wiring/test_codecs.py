"""The codecs of what Debezium writes, as the settings name them."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.adapters.codecs.connect.debezium import Debezium
from consumer.adapters.codecs.connect.outbox import Outbox
from consumer.errors import Misconfigured, Undecodable
from consumer.settings.projections import ReadFrom
from consumer.settings.sources import SourceSettings
from consumer.wiring.codecs import codec
from tests.connect.records import records
from tests.stub_registry import StubRegistry

KAFKA = SourceSettings.model_validate({"kafka": {"bootstrap_servers": ["localhost:9092"]}})
REDIS = SourceSettings.model_validate({"redis": {"url": "redis://localhost", "streams": 1}})


def made(written: Any, source: SourceSettings = KAFKA) -> Any:
    settings = ReadFrom.model_validate({"from": "main", "topics": ["orders"], "codec": written})
    return codec(settings.codec, source)


@pytest.mark.parametrize("source", [KAFKA, REDIS])
def test_without_a_registry_json_is_read(source: SourceSettings) -> None:
    change = made("debezium", source).decode(records("schema", "customers")[1])
    placed = made("outbox", source).decode(records("outbox", "order")[0])
    assert (change.type, placed.type) == ("public.customers", "OrderPlaced")
    assert isinstance(made("debezium", source), Debezium)


def test_an_outbox_may_have_places_of_its_own() -> None:
    found = made({"outbox": {"id": "const:x", "data": "field:total"}})
    assert isinstance(found, Outbox)
    event = found.decode(records("outbox", "order")[0])
    assert (event.id, event.type, event.decode(int)) == ("x", "OrderPlaced", 3)


def test_a_place_that_is_none_is_refused() -> None:
    with pytest.raises(Misconfigured, match="'nowhere' is no place in a record"):
        made({"outbox": {"type": "nowhere"}})


def test_a_registry_of_the_source_is_asked_for_what_is_framed() -> None:
    with StubRegistry().served() as stub:
        kafka = {"bootstrap_servers": ["localhost:9092"], "schema_registry": {"url": stub.url}}
        found = made("debezium", SourceSettings.model_validate({"kafka": kafka}))
        with pytest.raises(Undecodable, match="knows no schema 1"):
            found.decode(records("avro", "customers")[1])
