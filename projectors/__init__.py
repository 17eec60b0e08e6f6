"""Projectors that ship with the engine; they import `consumer` and nothing deeper."""

from projectors.changes import Change
from projectors.columns import PRIMARY_KEY
from projectors.event_archive import EventArchive
from projectors.latest_state import LatestState
from projectors.postgres import PostgresProjector
from projectors.sqlite import SqliteProjector
from projectors.table import TableProjector

__all__ = [
    "PRIMARY_KEY",
    "Change",
    "EventArchive",
    "LatestState",
    "PostgresProjector",
    "SqliteProjector",
    "TableProjector",
]
