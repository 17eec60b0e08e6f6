"""The names of the projections alone, for a shell that completes them: fast, and never failing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

#: Bytes of settings that are read; a shell waits for them at each press of a key.
_MOST = 1_000_000


def names_in(path: Path) -> Sequence[str]:
    """The names in a file of settings, sorted; none where it cannot be read."""
    try:
        with path.open("rb") as file:
            tree = yaml.safe_load(file.read(_MOST))
        return sorted(name for name in tree["projections"] if isinstance(name, str))
    except (OSError, ValueError, TypeError, KeyError, RecursionError, yaml.YAMLError):
        return []
