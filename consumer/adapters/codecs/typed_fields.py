"""Fields that are as an event wants them: decoded and checked in one pass, and nothing is left to convert."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from consumer.adapters.codecs.places import Place

_Text = Annotated[str, Meta(min_length=1)]

#: What an attribute is as most write it; what has a default may be absent.
_WRITTEN: Mapping[str, tuple[Any, ...]] = {
    "id": (_Text | int,),
    "type": (_Text,),
    "aggregate_id": (_Text | int,),
    "version": (Annotated[int, Meta(ge=0)] | str | None, 1),
    "time": (datetime | int | float | None, None),
    "data": (Raw, None),
}
#: What stands for an attribute without a place.
_UNSAID: Mapping[str, Any] = {
    "id": None,
    "aggregate_id": None,
    "version": 1,
    "time": None,
    "data": None,
}
_MAY_BE_CONSTANT = frozenset({"id", "type", "aggregate_id"})


def typed_fields(places: Mapping[str, Place]) -> Callable[[bytes], Any] | None:
    """What decodes a value to an object that has an event's attributes; None where not all of them are members of
    the value itself, or constants.

    It raises what msgspec raises for a value that is written otherwise, which may be an event nevertheless.
    """
    members = {name: place.name for name, place in places.items() if _is_member(place)}
    constants = {
        name: place.name
        for name, place in places.items()
        if place.kind == "const" and name in _MAY_BE_CONSTANT
    }
    if not members or len(members) + len(constants) < len(places):
        return None
    if len(set(members.values())) < len(members):  # msgspec gives a member to one of them
        return None
    elsewhere = {
        name: said for name, said in {**_UNSAID, **constants}.items() if name not in members
    }
    type_ = msgspec.defstruct(
        "TypedFields",
        [(name, *written) for name, written in _WRITTEN.items() if name in members],
        namespace=elsewhere,
        rename=members,
        kw_only=True,  # so that what must be there may stand behind what may not
        frozen=True,
        gc=False,
    )
    return msgspec.json.Decoder(type_).decode


def _is_member(place: Place) -> bool:
    return len(place.path) == 1 and not place.name.isdecimal()
