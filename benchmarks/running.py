"""Runs that are compared: each a process of its own, and what pairs of them come to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from statistics import median
from typing import Any

Result = dict[str, Any]


def rates(turns: list[tuple[Result, Result]]) -> Result:
    def rate(run: Result) -> float:
        return float(run["events"] / run["seconds"])

    def middle(of: Callable[[Result, Result], float]) -> float:
        return median(of(ours, limit) for ours, limit in turns)

    return {
        "ours": round(middle(lambda ours, _: rate(ours))),
        "limit": round(middle(lambda _, limit: rate(limit))),
        "unit": "events/s",
        "ratio": round(middle(lambda ours, limit: rate(ours) / rate(limit)), 3),
        "ratios": [round(rate(ours) / rate(limit), 3) for ours, limit in turns],
    }


def run(module: str, *arguments: str) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=600,
    )
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result
