"""What a script is given as one argument: MessagePack, as Lua reads it."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

#: A word for Lua, which knows one kind of strings: text, or bytes that are `binary`.
Word: TypeAlias = str | msgspec.Raw

_HEADER = b"\xdb"
_LENGTH = 4


def packed(plan: Any) -> bytes:
    """The argument. Bytes must be `binary` in it."""
    return msgspec.msgpack.encode(plan)


def binary(value: bytes) -> msgspec.Raw:
    """Bytes as MessagePack writes a text: Redis' Lua does not read what it has for bytes."""
    return msgspec.Raw(_HEADER + len(value).to_bytes(_LENGTH, "big") + value)


def word(value: bytes) -> Word:
    """As Redis answered it."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return binary(value)


def unpacked(word: Word) -> bytes:
    """As Redis will answer it."""
    return word.encode() if isinstance(word, str) else bytes(word)[len(_HEADER) + _LENGTH :]
