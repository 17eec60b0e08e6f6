"""What is told of an exception."""

from __future__ import annotations

from consumer.errors import ApplyFailed, RowRefused, Transient
from consumer.model.causes import Note, told
from consumer.model.position import IntOffset, Partition


def test_it_is_one_line_that_can_be_written_anywhere() -> None:
    cause = Transient("no customer \ud800\nfor now\r\nor ever: Zoë")

    line = told(cause)

    assert line == r"Transient: no customer \ud800 for now or ever: Zoë"
    assert line.encode()


def test_of_the_notes_on_a_foreign_error_it_tells_ours_alone() -> None:
    cause = KeyError("jane@example.com")
    cause.add_note("for jane@example.com")
    cause.add_note(Note("in placed (shop.py:3), for OrderPlaced in orders/3 at offset 5"))

    line = told(cause)

    assert line == "KeyError, in placed (shop.py:3), for OrderPlaced in orders/3 at offset 5"


def test_what_a_read_model_refused_is_told_with_its_column() -> None:
    failed = ApplyFailed(Partition("orders", 3), IntOffset(4), "shop raised RowRefused")
    failed.__cause__ = RowRefused("the column spent of the table customer takes no such value")

    line = told(failed)

    assert line.endswith(
        " <- RowRefused: the column spent of the table customer takes no such value"
    )
