"""What the schema of the chart's values takes from elsewhere: `python -m tests.helm.schema` brings it up to date.

Definitions whose names begin with a capital letter are made here: those of `projections settings-schema`, and what
values.yaml says that no set of values may take away. All others are written by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from consumer.settings.schema import json_schema

CHART = Path(__file__).parents[2] / "helm" / "projection-consumer"
FILE = CHART / "values.schema.json"


def current() -> str:
    """The text of the file as it should be."""
    schema = json.loads(FILE.read_text())
    by_hand = {name: part for name, part in schema["$defs"].items() if not name[0].isupper()}
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    made = {"Whole": _whole(values, schema, by_hand), **_of_settings()}
    schema["$defs"] = by_hand | made
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _of_settings() -> dict[str, Any]:
    definitions: dict[str, Any] = json_schema()["$defs"]
    # The chart probes the port, so it says more of it.
    del definitions["HttpSettings"]
    # Defaults and a projection are whole together alone: the template asks for what both lack.
    for part in ("ProjectionSettings", "ReadFrom"):
        del definitions[part]["required"]
    # Of these the template says which two there are.
    for part in ("OffsetSettings", "SourceSettings", "ReadModelSettings"):
        del definitions[part]["not"]
    # One set of values takes away what another says.
    for part in ("OffsetSettings", "SourceSettings"):
        definitions[part]["type"] = ["object", "null"]
    return definitions


def _whole(
    values: dict[str, Any], schema: dict[str, Any], by_hand: dict[str, Any]
) -> dict[str, Any]:
    """Requires what has a value: null would delete it, and so would values kept from an older chart."""
    parts = {}
    for key, value in values.items():
        part = schema["properties"][key]
        part = by_hand.get(part.get("$ref", "").rpartition("/")[2], part)
        nullable = key != "defaults" and "null" in part.get("type", ())
        if value and not nullable:
            closed = isinstance(value, dict) and part.get("additionalProperties") is False
            parts[key] = _whole(value, part, by_hand) if closed else {}
    return {"required": [*parts], "properties": {key: part for key, part in parts.items() if part}}


if __name__ == "__main__":
    FILE.write_text(current())
