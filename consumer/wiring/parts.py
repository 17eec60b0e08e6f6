"""The operator's own code in a projection: projector, codec, upcasters, transient errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from consumer.engine.awaiting import Loop
from consumer.engine.transacting import refuse_mismatch
from consumer.engine.upcasting import Upcasting
from consumer.errors import Misconfigured
from consumer.ports.codec import Codec
from consumer.ports.projector import AnyProjector, Closes, TransactionalProjector
from consumer.ports.upcaster import Upcaster
from consumer.settings.projections import ProjectionSettings
from consumer.settings.sources import SourceSettings
from consumer.wiring.codecs import codec
from consumer.wiring.importing import imported
from consumer.wiring.projectors import projector

T = TypeVar("T")


class Parts(msgspec.Struct, frozen=True):
    """What the import strings of a projection stand for."""

    projector: AnyProjector | TransactionalProjector
    codec: Codec
    upcasting: Upcasting
    transient: tuple[type[Exception], ...]
    loop: Loop

    def close(self) -> None:
        """Closes the projector, if it can be closed, and ends the event loop of its coroutines."""
        if isinstance(self.projector, Closes):
            self.loop.wait(self.projector.close())
        self.loop.close()


def parts(name: str, settings: ProjectionSettings, source: SourceSettings) -> Parts:
    """Imports everything that a projection of this source names; raises `Misconfigured` with all that is wrong, a
    line each.
    """
    problems: list[str] = []

    def attempt(place: str, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except Misconfigured as cause:
            problems.append(f"projections.{name}.{place}: {cause}")
            return None

    own = attempt("projector", partial(projector, settings.projector))
    if own is not None:
        kind = None if settings.read_model is None else settings.read_model.kind
        attempt("read_model", partial(refuse_mismatch, own, kind))
    envelope = attempt("source.codec", partial(codec, settings.source.codec, source))
    found = [
        attempt(f"upcasters[{at}]", partial(_upcasters, text))
        for at, text in enumerate(settings.upcasters)
    ]
    transient = [
        attempt(f"transient[{at}]", partial(_exception, text))
        for at, text in enumerate(settings.transient)
    ]
    steps = [step for some in found for step in some or ()]
    upcasting = attempt("upcasters", partial(Upcasting, steps, own.handles if own else None))
    if not (own and envelope and upcasting) or problems:
        raise Misconfigured("\n".join(problems))
    return Parts(own, envelope, upcasting, tuple(kind for kind in transient if kind), Loop())


def _upcasters(text: str) -> Sequence[Upcaster]:
    found = imported(text)
    several = list(found) if isinstance(found, Iterable) else [found]
    for step in several:
        if not all(hasattr(step, part) for part in ("type", "version", "upcast")):
            raise Misconfigured(
                f"{text} is no upcaster, nor a list of them: make one with @upcaster(type, version)"
            )
    return several


def _exception(text: str) -> type[Exception]:
    found = imported(text)
    if not (isinstance(found, type) and issubclass(found, Exception)):
        raise Misconfigured(f"{text} is no type of exception")
    return found
