"""From an import string to a projector that the engine can apply."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import Any

from consumer.engine.blocking import Blocking
from consumer.errors import Misconfigured
from consumer.ports.projector import Closes, Projector
from consumer.wiring.importing import made


def projector(text: str) -> Projector:
    """The projector that `module:name` names, or that its class or function makes.

    Raises `Misconfigured`, also where the object is no projector.
    """
    own = made(text, having="apply")
    _check_name(own)
    _check_handles(own)
    return Blocking(own) if inspect.iscoroutinefunction(own.apply) else own


def close(projector: Projector) -> None:
    """Closes it, if it can be closed."""
    if isinstance(projector, Closes):
        projector.close()


def _check_name(own: Any) -> None:
    if not isinstance(getattr(own, "name", None), str):
        raise Misconfigured(
            f"{type(own).__name__} has no name: give it an attribute `name`, a text"
        )


def _check_handles(own: Any) -> None:
    handles = getattr(own, "handles", "")
    if handles is not None and (isinstance(handles, str) or not isinstance(handles, Collection)):
        raise Misconfigured(
            f"{type(own).__name__} does not say which types of event it handles: give it an attribute "
            "`handles`, a set of their names, or None for all"
        )
