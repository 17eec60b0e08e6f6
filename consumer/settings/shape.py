"""What all settings have in common: how strict they are, and where secrets come from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, field_validator

from consumer.errors import Misconfigured

_IMPORT = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


#: How else a value of each kind may be written, as text: what a variable of the environment holds is text.
AS_TEXT: Mapping[type, str] = {
    bool: r"^([01]|[Yy]es|YES|[Nn]o|NO|[Oo]n|ON|[Oo]ff|OFF|[Tt]rue|TRUE|[Ff]alse|FALSE)$",
    int: r"^[+-]?[0-9]+$",
    float: r"^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?$",
}

#: What each kind is called.
_KINDS = {bool: "boolean", int: "integer", float: "number"}


class Shape(BaseModel):
    """A part of projections.yaml. Unknown keys are refused, and nothing changes after reading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _of_its_kind(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuses what pydantic would take for a boolean or a number, and an editor would not."""
        kind = cls.model_fields[info.field_name or ""].annotation
        if kind not in _KINDS:
            return value
        is_of_kind = (
            re.fullmatch(AS_TEXT[kind], value, re.ASCII)
            if isinstance(value, str)
            else isinstance(value, bool) == (kind is bool)
        )
        if not is_of_kind:
            raise ValueError(f"must be a valid {_KINDS[kind]}")
        return value


def text_in(path: Path) -> str:
    """What the file holds now; `Misconfigured` where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as cause:
        raise Misconfigured(f"cannot read {path}: {cause.strerror}") from None
    except UnicodeDecodeError:
        raise Misconfigured(f"{path} does not hold text in UTF-8") from None


def secret_in(path: Path) -> str:
    """As `text_in`, without the line break at its end."""
    return text_in(path).rstrip("\r\n")


def _readable(path: Path) -> Path:
    try:
        text_in(path)
    except Misconfigured as cause:
        raise ValueError(str(cause)) from None
    return path


#: A file of text that is no secret.
ReadableFile = Annotated[Path, AfterValidator(_readable)]

#: A file with a secret. It is read at start-up and at each connection, so that a secret may rotate.
SecretFile = Annotated[Path, AfterValidator(_readable)]


def one_of(part: BaseModel, *names: str) -> None:
    """Raises `ValueError` unless exactly one of the part's fields is set."""
    shown = {name: type(part).model_fields[name].alias or name for name in names}
    given = [shown[name] for name in names if getattr(part, name) is not None]
    if len(given) != 1:
        *others, last = shown.values()
        none = "neither" if len(names) == 2 else "none"  # noqa: PLR2004  of two it is neither
        found = f"has {' and '.join(given)}" if given else f"has {none}"
        either = "either" if len(names) == 2 else "one of"  # noqa: PLR2004
        raise ValueError(f"takes {either} {', '.join(others)} or {last}, and {found}")


def import_string(text: str) -> str:
    """The text, if it has the form `module:name`; else `ValueError`."""
    if not _IMPORT.fullmatch(text):
        raise ValueError(
            f"{text!r} is no import string: write module:name, as in shop.orders:totals"
        )
    return text
