"""Places in JSON against the plainest reading there is: the whole value decoded, and a walk through it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from consumer.adapters.codecs.json import Json
from consumer.errors import Misconfigured, Undecodable
from consumer.model.position import IntOffset, Partition
from consumer.model.record import Record

Path = tuple[str, ...]

names = st.sampled_from(["a", "é", "07", "0", "1"])
values = st.recursive(
    st.one_of(
        st.none() | st.booleans() | st.text(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(names, inner, min_size=1, max_size=5)
    ),
)


def members(value: Any) -> dict[str, Any]:
    """What a path may go on to: members that are no index, or elements by their index."""
    if isinstance(value, list):
        return {str(at): each for at, each in enumerate(value)}
    if isinstance(value, dict):
        return {name: each for name, each in value.items() if name not in {"0", "1"}}
    return {}


def places_in(value: Any, around: Path = ()) -> Iterator[Path]:
    for name, each in members(value).items():
        yield (*around, name)
        yield from places_in(each, (*around, name))


def walked(value: Any, path: Path) -> Any:
    for name in path:
        value = members(value).get(name)
    return value


@settings(deadline=None)  # the machine may be busy
@given(values, st.data())
def test_a_place_is_what_a_walk_through_the_value_finds(value: Any, data: st.DataObject) -> None:
    there = list(places_in(value))
    assume(there)
    type, id, inside = (data.draw(st.sampled_from(there)) for _ in range(3))
    record = Record(
        Partition("orders", 0), IntOffset(1), b"", json.dumps(value, ensure_ascii=False).encode()
    )
    try:
        event = Json(type=written(type), id=written(id), data=written(inside)).decode(record)
    except Misconfigured:
        assert type != id
        assert type[: len(id)] == id or id[: len(type)] == type
    except Undecodable:
        assert not (is_an_attribute(walked(value, type)) and is_an_attribute(walked(value, id)))
    else:
        assert (event.type, event.id) == (str(walked(value, type)), str(walked(value, id)))
        assert (event.decode(object) if event.data else None) == walked(value, inside)


@settings(deadline=None)  # the machine may be busy
@given(values, st.lists(names, min_size=1, max_size=3).map(tuple))
def test_what_is_not_there_is_undecodable(value: Any, path: Path) -> None:
    assume(walked(value, path) is None)
    record = Record(Partition("orders", 0), IntOffset(1), b"", json.dumps(value).encode())
    try:
        Json(type=written(path)).decode(record)
    except Undecodable:
        return
    raise AssertionError(path)


def written(path: Path) -> str:
    return f"field:{'.'.join(path)}"


def is_an_attribute(value: Any) -> bool:
    return not (value is None or value == "" or isinstance(value, bool | list | dict))
