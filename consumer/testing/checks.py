"""What must hold of any projector, whatever it is for: checks that play failures and batches of all sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import pairwise, zip_longest
from typing import Any

from consumer.errors import Misconfigured
from consumer.ports.projector import Resets, TransactionalProjector
from consumer.testing.projection import Projection
from consumer.testing.tested import Tested, is_one, made, waited_for

#: From so many places events are applied again, at most.
_PLACES = 20
#: So many ways to cut the events into batches are tried where hypothesis chooses.
_EXAMPLES = 30


def assert_idempotent(
    projector: Tested | Callable[[], Tested], *events: object, **options: Any
) -> None:
    """Fails where events that are applied twice leave other rows than those that are applied once.

    A projector that writes by itself is given the events again from each place on, as after a lost commit. One
    whose rows and offset are one transaction has each first attempt of a batch taken back, as when another writer came in between.
    Takes the options of `project`.
    """
    __tracebackhide__ = True
    with ExitStack() as closing:
        own = projector if is_one(projector) else made(projector, closing)
        if isinstance(own, TransactionalProjector):
            _refuse_memory_of_lost_attempts(own.name, projector, events, options)
            return
        with Projection[Any](own, **options) as projection:
            once = projection.apply(*events)
            for place in _places(len(events)):
                again = projection.apply_again(place)
                if again != once:
                    raise AssertionError(
                        f"{own.name} is not idempotent: the events from number {place + 1} on were applied again, "
                        "as after a lost commit, and the rows changed\n"
                        + _difference("applied once", once, "applied again", again)
                    )


def _refuse_memory_of_lost_attempts(
    name: str, projector: Any, events: tuple[object, ...], options: dict[str, Any]
) -> None:
    __tracebackhide__ = True
    with Projection[Any](projector, **options) as projection:
        once = projection.apply(*events)
    with Projection[Any](projector, **{**options, "stumbles": True}) as projection:
        projection.apply(*events)
        again = projection.apply_again()
    if again != once:
        raise AssertionError(
            f"{name} is not idempotent: each batch was projected twice, the first time in vain, as when "
            "another writer came in between, and the rows are others. Does it keep something "
            "outside the transaction?\n"
            + _difference("projected once", once, "projected twice", again)
        )


def assert_order_kept(
    projector: Tested | Callable[[], Tested], *events: object, **options: Any
) -> None:
    """Fails where the rows depend on how the events fall into batches: of 1, of 2, all in one, and, where hypothesis is
    installed, cut anywhere.

    Takes the options of `project`, but for `batch_size`. A projector that writes by itself must have a `reset`, or
    be given by what makes one on an empty store.
    """
    __tracebackhide__ = True
    if "batch_size" in options:
        raise TypeError("assert_order_kept chooses the sizes of the batches itself")
    projections = _Anew(projector, max(1, len(events)), options)
    expected = projections.rows(events, [1] * len(events))

    def check(sizes: Sequence[int]) -> None:
        __tracebackhide__ = True
        found = projections.rows(events, sizes)
        if found != expected:
            raise AssertionError(
                "the rows depend on how the events fall into batches\n"
                + _difference("in batches of 1", expected, f"in batches of {_said(sizes)}", found)
            )

    for size in (2, len(events)):
        check([len(events[at : at + size]) for at in range(0, len(events), size or 1)])
    _cut_anywhere(len(events), check)


class _Anew:
    """The same projection, from nothing each time."""

    def __init__(self, projector: Any, batch_size: int, options: dict[str, Any]) -> None:
        self._projector = projector
        self._options = {**options, "batch_size": batch_size}
        self._ran = False

    def rows(self, events: Sequence[object], sizes: Sequence[int]) -> Any:
        """The rows when the events come in batches of these sizes."""
        with Projection[Any](self._projector, **self._options) as projection:
            own: Any = projection.projector
            if is_one(self._projector) and not isinstance(own, TransactionalProjector):
                self._empty(own)
            self._ran = True
            left = iter(events)
            try:
                for size in sizes:
                    projection.apply(*(next(left) for _ in range(size)))
            except Exception as cause:
                cause.add_note(f"The events were applied in batches of {_said(sizes)}.")
                raise
            return projection.rows()

    def _empty(self, projector: Any) -> None:
        if not isinstance(projector, Resets):
            raise Misconfigured(
                f"{projector.name} writes by itself and cannot be emptied: give it a method reset, or give "
                "its class, or a function, that makes one on an empty store"
            )
        if self._ran:
            waited_for(projector.reset)


def _places(events: int) -> Iterator[int]:
    """From which events on: the first, the last, and those between, as many as there may be."""
    step = max(1, -(-events // _PLACES))
    yield from reversed(range(0, events, step))


def _cut_anywhere(events: int, check: Callable[[Sequence[int]], None]) -> None:
    if events < 3:  # noqa: PLR2004  # two events in batches of 1, and of 2, are all there is
        return
    try:
        from hypothesis import HealthCheck, given, settings, strategies
    except ImportError:
        return

    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategies.sets(strategies.integers(1, events - 1)))
    def anywhere(cuts: set[int]) -> None:
        places = [0, *sorted(cuts), events]
        check([end - start for start, end in pairwise(places)])

    anywhere()


def _said(sizes: Sequence[int]) -> str:
    return ", ".join(map(str, sizes))


def _difference(one: str, expected: Any, other: str, found: Any) -> str:
    """The first row that is not the same."""
    what, of_table = "the rows", ""
    if isinstance(expected, dict) and isinstance(found, dict):
        table = next(name for name in expected | found if expected.get(name) != found.get(name))
        of_table, expected, found = f" of {table}", expected.get(table), found.get(table)
    if isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        none = object()
        rows = zip_longest(expected, found, fillvalue=none)
        number, (left, right) = next((n, pair) for n, pair in enumerate(rows) if pair[0] != pair[1])
        what = f"row {number}"
        expected, found = (["no such row", row][row is not none] for row in (left, right))
    width = max(len(one), len(other))
    return f"{what}{of_table}\n  {one:{width}}: {expected!r}\n  {other:{width}}: {found!r}"
