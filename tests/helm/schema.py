"""Our own settings in the schema of the chart's values: `python -m tests.helm.schema` brings it up to date.

The definitions whose names begin with a capital letter are those of `projections settings-schema`; all others are
written by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from consumer.settings.schema import json_schema

FILE = Path(__file__).parents[2] / "helm" / "projection-consumer" / "values.schema.json"


def current() -> str:
    """The text of the file as it should be."""
    schema = json.loads(FILE.read_text())
    by_hand = {name: part for name, part in schema["$defs"].items() if not name[0].isupper()}
    schema["$defs"] = by_hand | _of_settings()
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
    return definitions


if __name__ == "__main__":
    FILE.write_text(current())
