"""The settings of a schema registry, and the codec that is made of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from consumer.errors import Misconfigured
from consumer.settings.projections import ReadFrom
from consumer.settings.sources import SourceSettings
from consumer.wiring.codecs import codec
from tests.schemas import a_record, bytes_of, field, framed, record
from tests.stub_registry import StubRegistry

PLACED = a_record(field("number", "int"))


def source(stub: StubRegistry | None, **more: Any) -> SourceSettings:
    kafka: dict[str, Any] = {"bootstrap_servers": ["localhost:9092"]}
    if stub is not None:
        kafka["schema_registry"] = {"url": stub.url, **more}
    return SourceSettings.model_validate({"kafka": kafka})


def form(written: Any) -> Any:
    return ReadFrom.model_validate({"from": "main", "topics": ["orders"], "codec": written}).codec


@pytest.mark.parametrize("written", ["schema_registry", {"schema_registry": {}}])
def test_a_source_without_a_registry_is_refused(written: Any) -> None:
    redis = SourceSettings.model_validate({"redis": {"url": "redis://localhost", "streams": 1}})
    for given in (source(None), redis):
        with pytest.raises(
            Misconfigured, match=r"and the source has none: name it there, under kafka\."
        ):
            codec(form(written), given)


def test_the_codec_asks_the_registry_of_its_source(tmp_path: Path) -> None:
    file = tmp_path / "order.avsc"
    file.write_text(
        '{"type": "record", "name": "shop.Order", "aliases": ["shop.Placed"], '
        '"fields": [{"name": "number", "type": "string", "default": "none"}, {"name": "more", "type": "int", "default": 1}]}'
    )
    with StubRegistry().served() as stub:
        number = stub.register("orders-value", PLACED)
        value = framed(number, bytes_of(PLACED, {"number": 7}))
        plain = codec(form("schema_registry"), source(stub)).decode(record(value))
        placed = codec(form({"schema_registry": {"id": "field:number"}}), source(stub))
        assert (plain.type, plain.data) == ("shop.Placed", {"number": 7})
        assert placed.decode(record(value)).id == "7"
        stub.register("b", a_record(name="Placed"))
        read_by = codec(form({"schema_registry": {"reader_schemas": [str(file)]}}), source(stub))
        evolved = read_by.decode(record(framed(2, b"")))
        assert (evolved.type, evolved.data) == ("shop.Order", {"number": "none", "more": 1})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "order.avsc is no reader's schema: fastavro takes it for no Avro schema"),
        ('"string"', "order.avsc is no reader's schema: write a record"),
        ('["null", "string"]', "order.avsc is no reader's schema: write a record"),
        (
            '{"type": "record", "name": "A", "fields": [{"name": "a", "type": "int", "default": "x"}]}',
            "order.avsc is no reader's schema: Default value",
        ),
    ],
)
def test_a_file_that_is_no_reader_s_schema_is_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "order.avsc").write_text(text)
    written = {"schema_registry": {"reader_schemas": [str(tmp_path / "order.avsc")]}}
    with pytest.raises(Misconfigured, match=why):
        codec(form(written), source(StubRegistry()))


@pytest.mark.parametrize("missing", ["fastavro", "httpx", "authlib"])
def test_without_the_extra_one_line_says_what_to_install(missing: str) -> None:
    code = f"""
import sys
sys.modules["{missing}"] = sys.modules["httpx2"] = None
from consumer.errors import Misconfigured
from consumer.settings.sources import SourceSettings
from consumer.wiring.codecs import codec
source = SourceSettings.model_validate(
    {{"kafka": {{"bootstrap_servers": ["a"], "schema_registry": {{"url": "http://a"}}}}}}
)
try:
    codec("schema_registry", source)
except Misconfigured as cause:
    print(cause)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert (
        "is missing, and a schema registry needs it: pip install 'projection-consumer[schema-registry]'"
        in done.stdout
    )


def test_without_the_extra_of_protobuf_its_records_say_what_to_install() -> None:
    code = """
import sys
sys.modules["google.protobuf"] = sys.modules["grpc_tools"] = None
from consumer.adapters.codecs.registry.formats import FORMATS
from consumer.adapters.codecs.registry.registered import Registered, Unreadable
try:
    FORMATS["PROTOBUF"](Registered("schema 7", "PROTOBUF", "message Placed {}"))
except Unreadable as cause:
    print(cause)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "it is Protobuf, which needs pip install 'projection-consumer[protobuf]'\n"
    )
