"""From `module:name` to the object itself, and why not."""

from __future__ import annotations

import difflib
import importlib
import traceback
from pathlib import Path
from typing import Any

from consumer.errors import Misconfigured

#: What the operator's code may raise. A module that ends the process would end ours without a word.
_RAISED = (Exception, SystemExit)


def imported(text: str) -> Any:
    """The object that `module:name` names; `Misconfigured` says why there is none."""
    module_name, _, path = text.partition(":")
    found: Any = _module(module_name)
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            close = difflib.get_close_matches(name, dir(found), n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise Misconfigured(f"{module_name} has no {path}{hint}") from None
    return found


def made(text: str, *, having: tuple[str, ...]) -> Any:
    """The object, or what the class or function that `text` names makes of no arguments.

    An object with one of the methods `having` is taken as it is. Raises `Misconfigured`.
    """
    found = imported(text)
    if _has(found, having) and not isinstance(found, type):
        return found
    method = having[0]
    if not callable(found):
        raise Misconfigured(f"{text} is a {type(found).__name__}, which has no method {method}")
    try:
        product = found()
    except _RAISED as cause:
        raise Misconfigured(f"{text}() raised {described(cause)}") from cause
    if not _has(product, having):
        raise Misconfigured(
            f"{text}() made a {type(product).__name__}, which has no method {method}"
        )
    return product


def _has(found: Any, methods: tuple[str, ...]) -> bool:
    return any(hasattr(found, method) for method in methods)


def described(cause: BaseException) -> str:
    """The error, and the line of the operator's own code that it came from."""
    text = f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__
    calls = [
        call
        for call in traceback.extract_tb(cause.__traceback__)
        if not call.filename.startswith("<frozen") and not _is_ours(call.filename)
    ]
    return f"{text} ({calls[-1].filename}:{calls[-1].lineno})" if calls else text


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as cause:
        if cause.name is not None and (name == cause.name or name.startswith(f"{cause.name}.")):
            raise Misconfigured(
                f"there is no module {cause.name}: it is looked for in the working directory (or that of "
                "--app-dir) and among the installed packages"
            ) from None
        raise Misconfigured(f"importing {name} raised {described(cause)}") from cause
    except _RAISED as cause:
        raise Misconfigured(f"importing {name} raised {described(cause)}") from cause


def _is_ours(filename: str) -> bool:
    return Path(filename).is_relative_to(Path(__file__).parents[1]) or "/importlib/" in filename
