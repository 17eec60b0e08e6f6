"""The tables of docs/metrics.md, made from what the code declares; the rest of the page is written by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from consumer.telemetry.families import Described
from consumer.telemetry.metrics import ProjectionMetrics

PAGE = Path(__file__).with_name("metrics.md")


def metrics() -> str:
    """The page, its tables renewed."""
    described = ProjectionMetrics("docs").described()
    page = PAGE.read_text(encoding="utf-8")
    for title, rows in (
        ("of a projection", [each for each in described if "partition" not in each.labels]),
        ("of a partition", [each for each in described if "partition" in each.labels]),
    ):
        begin, end = f"<!-- made from the code: {title} -->\n", "<!-- end -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = before + begin + _table(rows) + end + after
    return page


def _table(rows: Iterable[Described]) -> str:
    lines = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for each in rows:
        labels = ", ".join(f"`{label}`" for label in each.labels)
        lines.append(f"| `{each.name}` | {each.type} | {labels} | {each.meaning} |")
    return "\n".join(lines) + "\n"
