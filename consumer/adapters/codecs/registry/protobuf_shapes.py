"""How many values the bytes of a message stand for: two bytes of an empty message are a dict of all its fields."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

import msgspec
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from consumer.adapters.codecs.registry.varints import unsigned

#: Values that are made of one message at most, each of some 60 bytes.
MOST = 4_000_000

#: How deep a parser goes.
_DEEPEST = 100
#: How a field is written: as a number, in eight bytes, with its length in front, as a group, in four bytes.
_NUMBER, _EIGHT, _LENGTH, _BEGIN, _END, _FOUR = range(6)
#: How the value of an entry of a map begins, where that is a message.
_VALUE = 2 << 3 | _LENGTH


class Shape(msgspec.Struct):
    """A type of message: how many values its dict holds, and the messages among its fields, by their tags."""

    width: int
    inner: dict[int, Shape]


#: Of a group that the schema does not know: parsers keep it, and nothing is made of it.
_UNKNOWN = Shape(0, {})


def shapes_of(kind: Descriptor) -> tuple[Shape, int]:
    """The type's, and the width of the widest that may stand in it; a type has one shape wherever it stands."""
    kinds = _every_kind(kind)
    shapes = {each.full_name: Shape(_width(each), {}) for each in kinds}
    for each in kinds:
        shapes[each.full_name].inner.update(
            (_tag(field), shapes[field.message_type.full_name])
            for field in each.fields
            if field.message_type is not None
        )
    for each in kinds:
        if each.GetOptions().map_entry:
            _with_value(shapes[each.full_name])
    return shapes[kind.full_name], max(shape.width for shape in shapes.values())


def _every_kind(kind: Descriptor) -> Collection[Descriptor]:
    """The type, and all that may stand in it. Not by recursion: types may form a chain of any length."""
    found, unread = {kind.full_name: kind}, [kind]
    while unread:
        for field in unread.pop().fields:
            inner = field.message_type
            if inner is not None and inner.full_name not in found:
                found[inner.full_name] = inner
                unread.append(inner)
    return found.values()


def _width(kind: Descriptor) -> int:
    """Of a `oneof` one field alone is there."""
    return len({(field.containing_oneof or field).full_name for field in kind.fields})


def _tag(field: FieldDescriptor) -> int:
    """How the field begins. One that is written in another way is unknown to a parser."""
    return field.number << 3 | (_BEGIN if field.type == FieldDescriptor.TYPE_GROUP else _LENGTH)


def _with_value(entry: Shape) -> None:
    """An entry of a map has a value also where none is written: then one with nothing set."""
    if (value := entry.inner.get(_VALUE)) is not None:
        entry.width += value.width
        entry.inner = {_VALUE: Shape(0, value.inner)}


def values_in(data: bytes, at: int, shape: Shape) -> int:
    """How many values the message from `at` on stands for; of more than `MOST` only that they are more.

    Of bytes that are no message it tells what it came to: a parser refuses them.
    """
    end, found = len(data), shape.width
    around: list[tuple[Shape, int]] = []
    with suppress(IndexError):  # where the bytes end too early, or a group that never began
        while found <= MOST and len(around) <= _DEEPEST:
            while at >= end:
                shape, end = around.pop()
            tag, at = unsigned(data, at)
            written, inner = tag & 7, shape.inner.get(tag)
            if written == _LENGTH and inner is not None and inner.inner:
                length, at = unsigned(data, at)
                around.append((shape, end))
                shape, end = inner, at + length
                found += shape.width
            elif written == _BEGIN:
                around.append((shape, end))
                shape = inner or _UNKNOWN
                found += shape.width
            elif written == _END:
                shape, end = around.pop()
            else:
                at = _behind(written, data, at)
                found += inner.width if inner is not None else 0
    return found


def _behind(written: int, data: bytes, at: int) -> int:
    """Where a field ends, whatever is in it."""
    if written == _NUMBER:
        return unsigned(data, at)[1]
    if written == _LENGTH:
        length, at = unsigned(data, at)
        return at + length
    if written in (_EIGHT, _FOUR):
        return at + (8 if written == _EIGHT else 4)
    raise IndexError
