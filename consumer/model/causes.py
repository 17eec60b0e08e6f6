"""What went wrong, in one line that may stand in a log and in a checkpoint's record."""

from __future__ import annotations

import traceback
from pathlib import Path

from consumer.errors import ApplyFailed, ConsumerError, RowRefused

#: How many calls of a foreign traceback a line names, the innermost ones.
_CALLS = 3
#: Characters of a line: a projector's own words may be of any length.
_LONGEST = 1000


class Note(str):
    """A note on an exception that quotes no event and no secret, so that logs tell it; of other notes they do not.

    For `add_note`: in which function of a projector, at which event, another one's error was raised.
    """


def told(cause: BaseException) -> str:
    """What went wrong, in a line. Of errors that are not ours only the type, where they were raised, and each
    `Note`: their text may quote what no log should hold.
    """
    # What a projector raises may break lines, or hold half a character, which no store and no log takes.
    line = " ".join(_text(cause).encode("utf-8", "backslashreplace").decode().splitlines())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."


def _text(cause: BaseException) -> str:
    if isinstance(cause, ApplyFailed) and cause.__cause__ is not None:
        return f"{type(cause).__name__}: {cause} <- {_text(cause.__cause__)}"
    if isinstance(cause, ConsumerError | RowRefused):
        return f"{type(cause).__name__}: {cause}"
    return ", ".join([_type_and_place(cause), *_notes(cause)])


def _type_and_place(cause: BaseException) -> str:
    calls = traceback.extract_tb(cause.__traceback__)[-_CALLS:]
    where = " > ".join(f"{_short(call.filename)}:{call.lineno} {call.name}" for call in calls)
    return f"{type(cause).__name__} at {where}" if where else type(cause).__name__


def _notes(cause: BaseException) -> list[str]:
    return [note for note in getattr(cause, "__notes__", ()) if isinstance(note, Note)]


def _short(filename: str) -> str:
    return "/".join(Path(filename).parts[-2:])
