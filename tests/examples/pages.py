"""The fenced code of a page, so that tests can run it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def blocks(page: str, language: str) -> list[str]:
    """What stands in the page's fences of that language, in order."""
    text = (ROOT / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def block(page: str, language: str, holding: str) -> str:
    """The one block of that language in which `holding` stands."""
    (found,) = [text for text in blocks(page, language) if holding in text]
    return found
