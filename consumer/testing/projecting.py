"""Events in, rows out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, Unpack, overload

from consumer.testing.projection import Projection
from consumer.testing.tested import Options, TellsRows, Tested

R = TypeVar("R")
T = TypeVar("T")


@overload
def project(
    projector: Tested | Callable[[], Tested],
    *events: object,
    rows: Callable[[Any], T],
    **options: Unpack[Options],
) -> T: ...
@overload
def project(
    projector: TellsRows[R] | Callable[[], TellsRows[R]],
    *events: object,
    **options: Unpack[Options],
) -> list[R]: ...
@overload
def project(
    projector: Tested | Callable[[], Tested],
    *events: object,
    rows: None = None,
    **options: Unpack[Options],
) -> Any: ...


def project(projector: Any, *events: object, **options: Any) -> Any:
    """Applies the events from the first one on, and returns the rows that they make, as `Projection` does."""
    with Projection(projector, **options) as projection:
        return projection.apply(*events)


class Projected:
    """`project` for a whole test: each call goes on where the last one with the same projector came to.

    What is said of a projection is said at its first call.
    """

    def __init__(self) -> None:
        self._projections: list[tuple[object, Projection[Any]]] = []

    @overload
    def __call__(
        self,
        projector: Tested | Callable[[], Tested],
        *events: object,
        rows: Callable[[Any], T],
        **options: Unpack[Options],
    ) -> T: ...
    @overload
    def __call__(
        self,
        projector: TellsRows[R] | Callable[[], TellsRows[R]],
        *events: object,
        **options: Unpack[Options],
    ) -> list[R]: ...
    @overload
    def __call__(
        self,
        projector: Tested | Callable[[], Tested],
        *events: object,
        rows: None = None,
        **options: Unpack[Options],
    ) -> Any: ...

    def __call__(self, projector: Any, *events: object, **options: Any) -> Any:
        """Applies the events, and returns all rows."""
        for known, projection in self._projections:
            if known is projector:
                return projection.apply(*events)
        begun = Projection(projector, **options)
        self._projections.append((projector, begun))
        return begun.apply(*events)

    def close(self) -> None:
        """Closes all projections."""
        while self._projections:
            self._projections.pop()[1].close()
