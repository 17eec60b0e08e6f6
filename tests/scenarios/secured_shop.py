"""A folder as an operator has one whose servers are secured: secrets in files, certificates beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.scenarios.shop import PROJECTOR, Shop


def shop_at(
    folder: Path, topic: str, *, offsets: Mapping[str, Any], source: Mapping[str, Any]
) -> Shop:
    """Makes it, with one projection `orders` of `topic`."""
    (folder / "projections.yaml").write_text(
        yaml.safe_dump(
            {
                "offsets": dict(offsets),
                "sources": {"main": dict(source)},
                "projections": {
                    "orders": {
                        "projector": "shop:Orders",
                        "source": {"from": "main", "topics": [topic]},
                        "retry": {"initial": 0.05, "cap": 0.2},
                    }
                },
            }
        )
    )
    (folder / "shop.py").write_text(PROJECTOR)
    return Shop(folder, topic)


def kafka_source(
    folder: Path,
    config: Mapping[str, str],
    *,
    in_files: Iterable[str] = (),
    token: str | None = None,
) -> Mapping[str, Any]:
    """The settings of a source with these properties; those `in_files` stand in files of their names."""
    given = dict(config)
    files = {name: folder / name for name in in_files}
    for name, path in files.items():
        path.write_text(given.pop(name) + "\n")
    kafka: dict[str, Any] = {
        "bootstrap_servers": [given.pop("bootstrap.servers")],
        "config": given,
        "config_files": {name: str(path) for name, path in files.items()},
    }
    return {"kafka": kafka if token is None else {**kafka, "token": token}}
