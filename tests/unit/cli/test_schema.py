"""The JSON Schema of projections.yaml marks what is wrong, and nothing that is right."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from consumer.errors import Misconfigured
from consumer.settings.loading import load
from consumer.settings.schema import json_schema
from tests.examples.pages import ROOT, blocks

SETTINGS = """
offsets:
  redis:
    url: redis://localhost
sources:
  kafka:
    kafka:
      bootstrap_servers: [localhost:9092]
projections:
  orders:
    projector: shop:Orders
    source:
      from: kafka
      topics: [orders]
"""

#: The indentation of a part, and a line of it.
PLACES = {
    "": ("", ""),
    "offsets": (" " * 4, "    url: redis://localhost"),
    "kafka": (" " * 6, "      bootstrap_servers: [localhost:9092]"),
    "orders": (" " * 4, "    projector: shop:Orders"),
    "source": (" " * 6, "      from: kafka"),
}


@pytest.fixture(scope="module")
def schema() -> Any:
    return jsonschema.Draft202012Validator(json_schema())


CORE = {
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?([.][0-9]+|[0-9]+([.][0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?[.](inf|Inf|INF)|[.](nan|NaN|NAN)",
    "null": r"~|null|Null|NULL|",
}


class Editor(yaml.SafeLoader):
    """Reads as YAML 1.2 wants it, and editors do: `yes` is text there, and so is a time, and 017 is 17."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012  # the way PyYAML wants it


for kind, pattern in CORE.items():
    Editor.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(f"({pattern})$"), None)


def integer(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    return int(text, 0 if text[:2] in ("0o", "0x") else 10)


Editor.add_constructor("tag:yaml.org,2002:int", integer)


def marked(schema: Any, text: str) -> list[str]:
    """What an editor would underline."""
    return [error.json_path for error in schema.iter_errors(yaml.load(text, Loader=Editor))]


def with_(line: str, *, to: str) -> str:
    """The settings, with another line in that part."""
    indent, anchor = PLACES[to]
    assert anchor in SETTINGS
    return SETTINGS.replace(anchor, f"{anchor}\n{indent}{line}", 1)


RIGHT = [
    ("offsets", "prefix: ${ENVIRONMENT}"),
    ("offsets", "prefix: shop-${ENVIRONMENT:-dev}"),
    ("offsets", "password: ${PASSWORD}"),
    ("offsets", "password:"),
    ("offsets", "cluster: yes"),
    ("offsets", "cluster: OFF"),
    ("offsets", "cluster: '1'"),
    ("orders", "retry: {initial: '.5'}"),
    ("offsets", "cluster: ${CLUSTER}"),
    ("kafka", "config: {session.timeout.ms: 6000, ssl.ca.location: /ca.pem, check.crcs: true}"),
    ("kafka", "config: {sasl.password: '${PASSWORD}'}"),
    ("orders", "batch_size: ${SIZE}"),
    ("orders", "batch_size: '100'"),
    ("orders", "retry: {initial: 0.5, cap: '${SIZE}'}"),
    ("orders", "on_undecodable: ${UNDECODABLE:-skip}"),
    ("orders", "drain_seconds: '1.5'"),
    ("source", "codec: envelope"),
    ("source", "codec: shop:Codec"),
    ("source", "codec: {json: {type: 'header:type', data: 'field:payload'}}"),
    ("source", "start: 2026-01-01T00:00:00Z"),
    ("source", "mirror: no"),
    ("source", "group: ${GROUP:-orders}"),
    ("source", "group:"),
    ("", "http: {port: '${PORT}'}"),
    ("", "http: {port: 0, host: 127.0.0.1}"),
    ("", "http:"),
]


@pytest.mark.parametrize(("part", "line"), RIGHT)
def test_what_is_read_is_not_marked(
    schema: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, line: str
) -> None:
    given = {"ENVIRONMENT": "prod", "PASSWORD": "x", "CLUSTER": "true", "SIZE": "7", "PORT": "9464"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    text = with_(line, to=part)
    (tmp_path / "projections.yaml").write_text(text)

    load(tmp_path / "projections.yaml")
    assert marked(schema, text) == []


#: One setting of each kind.
KINDS = [("offsets", "cluster"), ("orders", "batch_size"), ("orders", "drain_seconds")]
WORDS = [*("y", "n", "t", "f", "yes", "no", "on", "off", "true", "false"), "null", "~", "''", ""]
DIGITS = ["0", "1", "5", "17", "017", "08", "1_000", "1:30", "0x1f", "0o17", "0b11"]
NUMBERS = [
    "5.0",
    "0.5",
    ".5",
    "5.",
    "1.5",
    "1_0.5",
    "1e2",
    "1.e+2",
    "1E-1",
    ".inf",
    "-.inf",
    ".nan",
]
SCALARS = [
    *(form(word) for word in WORDS for form in (str, str.upper, str.capitalize, str.swapcase)),
    *(sign + number for sign in ("", "+", "-") for number in DIGITS + NUMBERS),
]
WRITTEN = sorted({f"{q}{s}{q}" for s in SCALARS for q in ("", "'")} | {f"' {s}'" for s in SCALARS})


@pytest.mark.parametrize(("part", "key"), KINDS)
def test_however_a_value_is_written_what_is_read_is_not_marked(
    schema: Any, tmp_path: Path, part: str, key: str
) -> None:
    path = tmp_path / "projections.yaml"
    read = []
    for value in WRITTEN:
        text = with_(f"{key}: {value}", to=part)
        path.write_text(text)
        try:
            load(path)
        except Misconfigured:
            continue
        read.append(value)
        assert marked(schema, text) == [], value
    assert len(read) > 8


WRONG = [
    ("offsets", "cluster: 1", "$.offsets.redis"),
    ("offsets", "cluster: y", "$.offsets.redis"),
    ("source", "mirror: 0", "$.projections.orders.source"),
    ("orders", "batch_size: true", "$.projections.orders.batch_size"),
    ("orders", "batch_size: '1_000'", "$.projections.orders.batch_size"),
    ("orders", "batch_size: ' 5'", "$.projections.orders.batch_size"),
    ("", "prjections: {}", "$"),
    ("", "http: {prt: 80}", "$.http"),
    ("", "http: {port: 70000}", "$.http"),
    ("", "http: {port: many}", "$.http"),
    ("offsets", "prefix: 'a b'", "$.offsets.redis"),
    ("offsets", "cluster: perhaps", "$.offsets.redis"),
    ("offsets", "pasword: x", "$.offsets.redis"),
    ("kafka", "config: [a]", "$.sources.kafka.kafka"),
    ("kafka", "config: {acks: [all]}", "$.sources.kafka.kafka"),
    ("orders", "projektor: x", "$.projections.orders"),
    ("orders", "batch_size: 0", "$.projections.orders.batch_size"),
    ("orders", "batch_size: 1.5", "$.projections.orders.batch_size"),
    ("orders", "on_undecodable: sleep", "$.projections.orders.on_undecodable"),
    ("orders", "drain_seconds: soon", "$.projections.orders.drain_seconds"),
    ("orders", "upcasters: shop:one", "$.projections.orders.upcasters"),
    ("orders", "retry: {initial: 0}", "$.projections.orders.retry"),
    ("source", "codec: {json: {tipe: x}}", "$.projections.orders.source.codec"),
    ("source", "group: ''", "$.projections.orders.source.group"),
]


@pytest.mark.parametrize(("part", "line", "place"), WRONG)
def test_what_is_refused_is_marked_where_it_stands(
    schema: Any, tmp_path: Path, part: str, line: str, place: str
) -> None:
    text = with_(line, to=part)
    (tmp_path / "projections.yaml").write_text(text)

    with pytest.raises(Misconfigured):
        load(tmp_path / "projections.yaml")
    found = marked(schema, text)
    assert found
    assert all(path.startswith(place) for path in found), found


def test_a_projection_without_projector_topics_or_source_is_marked(schema: Any) -> None:
    assert marked(schema, "projections: {orders: {}}") == ["$.projections.orders"] * 2
    assert marked(schema, SETTINGS.replace("      topics: [orders]\n", "")) == [
        "$.projections.orders.source"
    ]


def test_two_kinds_at_once_are_marked_and_an_empty_one_beside_the_other_is_not(schema: Any) -> None:
    both = "offsets: {redis: {url: 'redis://one'}, sqlite: {path: x}}"
    assert marked(schema, both) == ["$.offsets"]
    assert marked(schema, "offsets: {redis: , sqlite: {path: x}}") == []


def test_what_a_deployment_says_in_the_environment_is_not_missed(
    schema: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROJECTIONS_OFFSETS__REDIS__URL", "redis://redis.prod")
    monkeypatch.setenv("PROJECTIONS_SOURCES__KAFKA__KAFKA__BOOTSTRAP_SERVERS", '["kafka.prod"]')
    text = SETTINGS.replace("url: redis://localhost", "prefix: prod").replace(
        "bootstrap_servers: [localhost:9092]", "config: {client.id: shop}"
    )
    (tmp_path / "projections.yaml").write_text(text)

    load(tmp_path / "projections.yaml")
    assert marked(schema, text) == []


PAGES = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_our_own_pages_are_not_marked(schema: Any, page: str) -> None:
    whole = [
        text
        for text in blocks(page, "yaml")
        if "projections:\n" in text and not text.startswith("# values.yaml")  # Helm's
    ]
    assert [marked(schema, text) for text in whole] == [[]] * len(whole)


def test_every_setting_is_described_and_a_key_called_type_is_one_like_the_others() -> None:
    schema = json_schema()
    parts = {"": schema, **schema["$defs"]}
    undescribed = [
        f"{name}.{key}"
        for name, part in parts.items()
        for key, setting in part["properties"].items()
        if not setting.get("description")
    ]
    assert undescribed == []
    assert schema["$defs"]["JsonPlaces"]["properties"]["type"] == {
        "description": "The type of event.",
        "type": "string",
    }


def test_the_command_prints_a_valid_schema() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "consumer", "settings-schema"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout

    printed = json.loads(said)
    assert printed == json_schema()
    assert printed["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]
    jsonschema.Draft202012Validator.check_schema(printed)
