"""Where the demo's read model is: its words in projections.yaml, and what it says when it is asked."""

import sqlite3
from contextlib import closing

import pytest

from consumer.demo.stores import SqliteStore
from consumer.errors import Misconfigured
from consumer.settings.loading import load

SETTINGS = """\
offsets: {{redis: {{url: redis://localhost/0}}}}
sources: {{main: {{redis: {{url: redis://localhost/0, streams: 1}}}}}}
projections:
  flights:
    projector: a:b
    source: {{from: main, topics: [flights]}}
    read_model:
      {read_model}
"""


@pytest.mark.parametrize(
    "folder", ["build", "a b", "it's {one}: #1", 'qu"ote', "${HOME}", "?x=%41", "Flüge"]
)
def test_the_settings_name_the_file_whatever_its_folder_is_called(tmp_path, folder):
    path = tmp_path / folder / "flights.sqlite"
    path.parent.mkdir()
    store = SqliteStore(path)
    (tmp_path / "projections.yaml").write_text(
        SETTINGS.format(read_model=store.settings), encoding="utf-8"
    )
    read_model = load(tmp_path / "projections.yaml").projection("flights").read_model
    assert read_model.sqlite.path == path
    with closing(sqlite3.connect(path)) as file:
        file.executescript("CREATE TABLE counted AS SELECT 7 AS events")
    assert store.rows("SELECT events FROM counted") == [(7,)]
    assert str(path) in store.told


def test_a_file_or_a_table_that_is_not_there_yet_is_said_and_not_made(tmp_path):
    store = SqliteStore(tmp_path / "flights.sqlite")
    with pytest.raises(Misconfigured, match="unable to open"):
        store.rows("SELECT 1")
    assert not list(tmp_path.iterdir())
    (tmp_path / "flights.sqlite").touch()
    with pytest.raises(Misconfigured, match="no such table: counted"):
        store.rows("SELECT * FROM counted")
