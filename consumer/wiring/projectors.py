"""From an import string to a projector."""

from __future__ import annotations

from typing import Any

from consumer.engine.upcasting import check_handles
from consumer.errors import Misconfigured
from consumer.ports.projector import AnyProjector, TransactionalProjector
from consumer.wiring.importing import made


def projector(text: str) -> AnyProjector | TransactionalProjector:
    """The projector that `module:name` names, or that its class or function makes.

    Raises `Misconfigured`, also where the object is no projector.
    """
    own: Any = made(text, having=("apply", "project"))
    kind = type(own).__name__
    if not isinstance(getattr(own, "name", None), str):
        raise Misconfigured(f"{kind} has no name: give it an attribute `name`, a text")
    if not hasattr(own, "handles"):
        raise Misconfigured(
            f"{kind} does not say which types of event it handles: give it an attribute `handles`, a "
            "set of their names, or None for all"
        )
    check_handles(own.handles)
    projector: AnyProjector | TransactionalProjector = own
    return projector
