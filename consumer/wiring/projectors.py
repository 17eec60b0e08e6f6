"""From an import string to a projector that the engine can apply."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import Any

from consumer.engine.blocking import Blocking
from consumer.errors import Misconfigured
from consumer.model.event import Batch
from consumer.ports.projector import Closes, Projector, SetsUp
from consumer.wiring.importing import made


class Ready:
    """A projector of either kind, set up when its first batch is applied.

    A store that is away at start-up is so waited for like one that goes away later. Raises
    `Misconfigured` where the object is no projector.
    """

    def __init__(self, own: Any) -> None:
        self.name: str = _name(own)
        self.handles: Collection[str] | None = _handles(own)
        self._own = own
        self._is_async = inspect.iscoroutinefunction(own.apply)
        self._projector: Projector = Blocking(own) if self._is_async else own
        self._is_set_up = not isinstance(own, SetsUp)

    def apply(self, batch: Batch) -> None:
        """As `Projector.apply`."""
        if not self._is_set_up:
            self._own.setup()
            self._is_set_up = True
        self._projector.apply(batch)

    def close(self) -> None:
        """Closes the projector, if it can be closed, and its event loop, if it has one."""
        if isinstance(self._own, Closes):
            self._own.close()
        if isinstance(self._projector, Blocking):
            self._projector.close()


def projector(text: str) -> Ready:
    """The projector that `module:name` names, or that its class or function makes.

    Raises `Misconfigured`.
    """
    return Ready(made(text, having="apply"))


def _name(own: Any) -> str:
    name = getattr(own, "name", None)
    if not isinstance(name, str):
        raise Misconfigured(
            f"{type(own).__name__} has no name: give it an attribute `name`, a text"
        )
    return name


def _handles(own: Any) -> Collection[str] | None:
    missing = object()
    handles = getattr(own, "handles", missing)
    if handles is None:
        return None
    if isinstance(handles, str) or not isinstance(handles, Collection):
        raise Misconfigured(
            f"{type(own).__name__} does not say which types of event it handles: give it an attribute "
            "`handles`, a set of their names, or None for all"
        )
    return handles
