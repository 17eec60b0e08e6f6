"""Plain Python values of Protobuf messages, by functions that are written once a type of message."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from keyword import iskeyword
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto
from google.protobuf.message import Message

from consumer.adapters.codecs.registry.protobuf_known import known


class Values:
    """Writes functions from a message to plain values, as one would by hand: nothing else is as fast.

    - A message is a dict of all its fields under their names in the schema; of a `oneof` only the one
      that is set.
    - A field that can be unset, and is, is None: a message, a wrapper, an `optional`; or its default,
      where the schema names one.
    - The value of an enum is its name, or the number where the schema has no name for it.
    - Google's and Confluent's types are as `protobuf_known` says.

    What a parser took is at most 100 messages deep, and so is the recursion here.
    """

    def __init__(self) -> None:
        #: What the written code calls by name.
        self._scope: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._unwritten: deque[Descriptor] = deque()

    def of(self, kind: Descriptor) -> Callable[[Message], Any]:
        """The function for messages of this kind."""
        name = self._message(kind)
        while self._unwritten:  # not by recursion: types may form a chain of any length
            each = self._unwritten.popleft()
            self._scope[self._names[each.full_name]] = self._function(
                ", ".join(self._entries(each))
            )
        made: Callable[[Message], Any] = self._scope[name]
        return made

    def _entries(self, kind: Descriptor) -> list[str]:
        """The fields as they stand in the braces of a dict."""
        proto = DescriptorProto()
        kind.CopyToProto(proto)
        # To the library an `optional` is a choice of one.
        optional = {field.name for field in proto.field if field.proto3_optional}
        choices = [each for each in kind.oneofs if each.fields[0].name not in optional]
        chosen = {field.name for choice in choices for field in choice.fields}
        return [
            *(
                f"{field.name!r}: {self._or_none(field)}"
                for field in kind.fields
                if field.name not in chosen
            ),
            *(f"**{self._choice(choice)}(message)" for choice in choices),
        ]

    def _choice(self, choice: OneofDescriptor) -> str:
        values = {
            field.name: self._function(f"{field.name!r}: {self._value(field)}")
            for field in choice.fields
        }
        name = choice.name

        def chosen(message: Message) -> Mapping[str, Any]:
            one = message.WhichOneof(name)
            return values[one](message) if one else {}

        return self._named("choice", choice.full_name, chosen)

    def _or_none(self, field: FieldDescriptor) -> str:
        value = self._value(field)
        if field.has_presence and not field.has_default_value:
            return f"{value} if message.HasField({field.name!r}) else None"
        return value

    def _value(self, field: FieldDescriptor) -> str:
        name = field.name
        is_name = name.isidentifier() and not iskeyword(name)
        place = f"message.{name}" if is_name else f"getattr(message, {name!r})"
        if not field.is_repeated:
            return self._one(field, place)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            value = self._one(field.message_type.fields_by_name["value"], "value")
            return f"{{key: {value} for key, value in {place}.items()}}"
        item = self._one(field, "item")
        return f"{place}[:]" if item == "item" else f"[{item} for item in {place}]"

    def _one(self, field: FieldDescriptor, place: str) -> str:
        if field.message_type is not None:
            return f"{self._message(field.message_type)}({place})"
        if field.enum_type is not None:
            return f"{self._enum(field.enum_type)}[{place}]"
        return place

    def _message(self, kind: Descriptor) -> str:
        if name := self._names.get(kind.full_name):
            return name
        made = known(kind)
        if made is None:
            self._unwritten.append(kind)
        return self._named("message", kind.full_name, made)

    def _enum(self, kind: EnumDescriptor) -> str:
        # Backwards, for of several names of a number the first counts.
        names = _Names((value.number, value.name) for value in reversed(kind.values))
        return self._names.get(kind.full_name) or self._named("enum", kind.full_name, names)

    def _named(self, what: str, full_name: str, thing: Any) -> str:
        name = self._names[full_name] = f"{what}_{len(self._names)}"
        self._scope[name] = thing
        return name

    def _function(self, entries: str) -> Any:
        # Of what is written here only names of fields are not ours, and they stand in quotes, but for those
        # that are names in Python too.
        return eval(f"lambda message: {{{entries}}}", self._scope)  # noqa: S307


class _Names(dict[int, str]):
    """The names of an enum's numbers; a number without a name stays one."""

    def __missing__(self, number: int) -> int:
        return number
