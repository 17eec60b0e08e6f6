"""Bringing an event's data to the schema version that the projector understands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from consumer.errors import Misconfigured, NoUpcaster
from consumer.model.event import Event, undecodable
from consumer.ports.upcaster import Upcaster


class FunctionUpcaster(msgspec.Struct, frozen=True):
    """An `Upcaster` made of a pure function; `upcaster` makes one."""

    type: str
    version: int
    function: Callable[[Any], Any]

    def upcast(self, data: Any) -> Any:
        """The data in the next schema version."""
        return self.function(data)


def upcaster(type: str, version: int) -> Callable[[Callable[[Any], Any]], FunctionUpcaster]:
    """Makes a function the upcaster of an event type from `version` to the one above.

    @upcaster("OrderPlaced", 1)
    def with_currency(data): return data | {"currency": "EUR"}
    """
    return lambda function: FunctionUpcaster(type, version, function)


def check_handles(handles: object) -> None:
    """Raises `Misconfigured` where these are not what `Projector.handles` may be."""
    if handles is None:
        return
    if isinstance(handles, str) or not isinstance(handles, Collection):
        raise Misconfigured(
            f"handles is {handles!r}: make it a set of the types of event, or None for all"
        )
    for type in handles:
        if not isinstance(type, str):
            raise Misconfigured(
                f"handles has {type!r}: name the types of event as text, as in 'OrderPlaced'"
            )
    for type, version in handles.items() if isinstance(handles, Mapping) else ():
        if not isinstance(version, int) or version < 1:
            raise Misconfigured(
                f"handles has version {version!r} for {type}: a schema version is 1 or more"
            )


class Upcasting:
    """The chains of upcasters of one projection, without gaps.

    Raises `Misconfigured` when made, with all that is wrong: a gap in a chain, two upcasters for one
    step, a chain that ends elsewhere than at the version that the projector declares, or `handles`
    that are no types of event.
    """

    def __init__(self, upcasters: Sequence[Upcaster], handles: Collection[str] | None) -> None:
        check_handles(handles)
        self._steps = {(step.type, step.version): step for step in upcasters}
        #: The schema version that the projector is given, by the types that are handled or upcast.
        self.versions = _versions(self._steps, handles)
        problems = [
            *_repeated(upcasters),
            *_gaps(self._steps),
            *_short_chains(self._steps, self.versions),
        ]
        if problems:
            raise Misconfigured("; ".join(problems))

    def upcast(self, event: Event) -> Event:
        """The event in the projector's schema version.

        Raises `NoUpcaster` where no chain leads from its version there, and `Undecodable` where its
        data is no JSON or an upcaster cannot cope with it.
        """
        wanted = self.versions.get(event.type, event.version)
        if event.version == wanted:
            return event
        data = None if event.is_tombstone else event.decode(object)
        for version in range(event.version, wanted):
            data = self._step(event, version)(data)
        if event.version > wanted:
            raise self._no_upcaster(event, event.version)
        return msgspec.structs.replace(event, data=data, version=wanted)

    def _step(self, event: Event, version: int) -> Callable[[Any], Any]:
        step = self._steps.get((event.type, version))
        if step is None:
            raise self._no_upcaster(event, version)

        def guarded(data: Any) -> Any:
            if data is None:  # a tombstone says the same in every version
                return None
            try:
                return step.upcast(data)
            except Exception as cause:
                why = f"its upcaster from version {version} raised {type(cause).__name__}"
                raise undecodable(event.partition, event.offset, None, why) from cause

        return guarded

    def _no_upcaster(self, event: Event, version: int) -> NoUpcaster:
        return NoUpcaster(
            event.partition,
            event.offset,
            f"{event.type} {event.id} has schema version {event.version}, and nothing leads from version "
            f"{version} to {self.versions[event.type]}, which the projector understands: "
            "add an upcaster, or deploy the projector that knows it",
        )


def _versions(
    steps: Mapping[tuple[str, int], Upcaster], handles: Collection[str] | None
) -> dict[str, int]:
    declared = handles if isinstance(handles, Mapping) else {}
    versions = {type: declared.get(type, 1) for type in handles or ()}
    for type, version in steps:
        if type not in declared:
            versions[type] = max(versions.get(type, 1), version + 1)
    return versions


def _repeated(upcasters: Sequence[Upcaster]) -> list[str]:
    seen = [(step.type, step.version) for step in upcasters]
    return [
        f"two upcasters take {type} from version {version}: keep one"
        for type, version in sorted({step for step in seen if seen.count(step) > 1})
    ]


def _gaps(steps: Mapping[tuple[str, int], Upcaster]) -> list[str]:
    return [
        f"no upcaster takes {type} from version {version + 1}, though one makes it: close the gap"
        for type, version in sorted(steps)
        if (type, version + 1) not in steps
        and any(other == type and higher > version for other, higher in steps)
    ]


def _short_chains(
    steps: Mapping[tuple[str, int], Upcaster], versions: Mapping[str, int]
) -> list[str]:
    ends: dict[str, int] = {}
    for type, version in steps:
        ends[type] = max(ends.get(type, 0), version + 1)
    return [
        f"the upcasters of {type} end at version {end}, the projector handles version {versions[type]}"
        for type, end in sorted(ends.items())
        if end != versions[type]
    ]
