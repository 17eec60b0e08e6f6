"""What is told of an exception."""

from __future__ import annotations

from consumer.errors import Transient
from consumer.model.causes import told


def test_it_is_one_line_that_can_be_written_anywhere() -> None:
    cause = Transient("no customer \ud800\nfor now\r\nor ever: Zoë")

    line = told(cause)

    assert line == r"Transient: no customer \ud800 for now or ever: Zoë"
    assert line.encode()
