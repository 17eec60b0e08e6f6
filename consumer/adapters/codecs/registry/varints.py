"""Numbers as Protobuf and Avro write them: seven bits a byte, the lowest first."""

from __future__ import annotations

#: The bit that says that the next byte belongs to the number too.
MORE = 0x80

#: Bytes of a number at most: 64 bits, seven in each.
_LONGEST = 10


def unsigned(data: bytes, at: int) -> tuple[int, int]:
    """The number at a place, and where it ends; `IndexError` where that is not within ten bytes."""
    number = data[at]
    if number < MORE:  # as most are
        return number, at + 1
    number = 0
    for place in range(_LONGEST):
        byte = data[at + place]
        number |= (byte & ~MORE) << 7 * place
        if not byte & MORE:
            return number, at + place + 1
    raise IndexError


def signed(data: bytes, at: int) -> tuple[int, int]:
    """As `unsigned`, of numbers that are folded so that small ones below zero are short too."""
    folded, end = unsigned(data, at)
    return (folded >> 1) ^ -(folded & 1), end
