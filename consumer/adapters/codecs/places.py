"""Where a record that knows no envelope keeps the attributes of its event."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Raw

from consumer.adapters.codecs.reading import refused, text
from consumer.errors import Misconfigured
from consumer.model.event import BAD_BYTES, reason
from consumer.model.record import Record

#: Of a field: what `Fields` calls the objects around it, outermost first, and itself.
Path = tuple[str, ...]

#: What an attribute may be.
Scalar = str | int | float | None

#: What is no data.
NOTHING = (None, Raw(b"null"))

#: Of JSON the outermost level alone.
_level = msgspec.json.Decoder(dict[str, Raw] | list[Raw] | Scalar | bool).decode

#: A name in a path that is an index of an array, and one that would be too far in: such an array is a
#: list of things, and no attribute of an event.
_INDEX = re.compile(r"0|[1-9][0-9]?")
_TOO_FAR = re.compile(r"[1-9][0-9]{2,}")
#: What msgspec takes in no name: what JSON escapes, and what is no text.
_NO_NAME = re.compile(r'["\\\x00-\x1f\ud800-\udfff]')


class Place(msgspec.Struct, frozen=True):
    """A place in a record: a header, a field of its value, its key, or a constant."""

    kind: Literal["header", "field", "key", "const"]
    name: str = ""
    #: Of a field: what `Fields` calls it, and its own name behind those of the objects around it.
    path: Path = ()
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind

    @staticmethod
    def parse(written: str) -> Place:
        """Reads `header:NAME`, `field:NAME.NAME` or `.INDEX`, `key` or `const:VALUE`; else `Misconfigured`."""
        match written.partition(":"):
            case "key", "", "":
                return Place("key")
            case ("header" | "const") as kind, _, name if name:
                return Place(kind, name)
            case "field", _, name if all(name.split(".")):
                names = tuple(name.split("."))
                return Place("field", name, tuple(map(_attribute, names)), names)
        raise Misconfigured(
            f"{written!r} is no place in a record: write header:NAME, field:NAME "
            "(field:OUTER.INNER where it is nested, field:NAME.0 for the first in an array), key, or const:VALUE"
        )

    def read(self, record: Record, fields: Any) -> Scalar:
        """What stands there, and None for nothing; `fields` is what `Fields` made of the value."""
        match self.kind:
            case "const":
                return self.name
            case "key":
                return None if record.key is None else text(record, "key", record.key)
            case "header":
                return _header(record, self.name)
            case "field":
                value: Scalar = inner(fields, self.path)
                return value

    def reading(self) -> Callable[[Record, Any], Scalar]:
        """`read`, with all decided that can be before there is a record: for who reads many."""
        path = self.path
        if not path:
            return self.read
        if len(path) > 1:
            return lambda _, fields: inner(fields, path)
        (name,) = path
        return lambda _, fields: getattr(fields, name)


class Fields:
    """Decodes the fields at these paths, each to a type, and none of the others."""

    def __init__(self, types: Mapping[Path, Any]) -> None:
        tree: dict[str, Any] = {}
        for path, type in types.items():
            _plant(tree, path, type)
        #: From a value to what `inner` takes; raises what msgspec raises where it is not an object.
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(_object(tree)).decode


def inner(fields: Any, path: Path) -> Any:
    """The value at the path; None where it, or an object around it, is absent or null."""
    for name in path:
        if fields is None:
            return None
        fields = getattr(fields, name)
    return fields


def within(record: Record, value: Any, names: Sequence[str]) -> Any:
    """What stands at `NAME.NAME` or `.INDEX` in Python's values or in JSON, of which it stays JSON; None for nothing.

    It is for values of which a codec learns record by record whether they are JSON: any names will do, and none
    has to be there. Raises `Undecodable` for what is no JSON.
    """
    for name in names:
        if isinstance(value, Raw):  # asked here too: it saves Avro a call for each name
            value = opened(record, value)
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return unless_null(value) if isinstance(value, Raw) else value


def opened(record: Record, value: Any) -> Any:
    """The value; of JSON the outermost level, so that nothing is decoded that nobody asks for.

    Raises `Undecodable` for what is no JSON.
    """
    if not isinstance(value, Raw):
        return value
    try:
        return _level(value)
    except BAD_BYTES as cause:
        raise refused(record, f"no event in the fields: {reason(cause)}") from cause


def unless_null(data: Any) -> Any:
    """The data; None where JSON says that there are none."""
    return None if data in NOTHING else data


def _header(record: Record, name: str) -> str | None:
    found = [value for key, value in record.headers if key == name]
    if len(found) > 1:
        raise refused(record, f"the header {name} is repeated")
    return text(record, f"header {name}", found[0]) if found and found[0] is not None else None


def _plant(tree: dict[str, Any], path: Path, leaf: Any) -> None:
    *outer, last = path
    here: Any = tree
    for name in outer:
        here = here.setdefault(name, {}) if isinstance(here, dict) else None
    if not isinstance(here, dict) or isinstance(here.get(last), dict):
        raise Misconfigured(
            f"field:{'.'.join(map(_field, path))} is asked for as an object and as a value; name one of them"
        )
    here[last] = leaf


def _object(tree: Mapping[str, Any]) -> Any:
    """A type that takes the tree's members alone, by name or by index: the others are skipped undecoded.

    Not a `TypedDict`: msgspec 0.22 finds no keys beyond ASCII there.
    """
    types = {
        name: _object(leaf) | None if isinstance(leaf, dict) else leaf
        for name, leaf in tree.items()
    }
    indices = [int(name) for name in map(_field, tree) if _INDEX.fullmatch(name)]
    if indices:
        if len(indices) < len(tree):
            names = " and ".join(map(_field, tree))
            raise Misconfigured(
                f"{names} are asked for in one place, which is an array or an object; keep one of them"
            )
        in_order = map(_attribute, map(str, range(max(indices) + 1)))
        types = {name: types.get(name, Raw) for name in in_order}
    return msgspec.defstruct(
        "Fields",
        [(name, type, None) for name, type in types.items()],
        rename=_field,
        array_like=bool(indices),
        frozen=True,
        gc=False,
    )


def _attribute(field: str) -> str:
    """A name for Python, whatever the field is called."""
    if _TOO_FAR.fullmatch(field):
        raise Misconfigured(
            f"{field[:9]} is beyond the last index of an array that is looked at, 99"
        )
    if _NO_NAME.search(field):
        raise Misconfigured(
            f"{field!r} is no field that can be asked for: its name has a quote, a backslash or a control character"
        )
    return f"f{field.encode().hex()}"


def _field(attribute: str) -> str:
    return bytes.fromhex(attribute[1:]).decode()
