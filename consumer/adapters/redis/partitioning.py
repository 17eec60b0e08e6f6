"""Which partition a key belongs to: the same one as with Kafka's Java client."""

from __future__ import annotations

from functools import lru_cache

_SEED = 0x9747B28C
_M = 0x5BD1E995
_32_BITS = 0xFFFFFFFF


@lru_cache(maxsize=65_536)  # events of an aggregate come in runs
def partition_of(key: bytes, partitions: int) -> int:
    """The partition, of so many, in which all events of the key lie.

    As `org.apache.kafka.clients.producer` picks it (`Utils.toPositive(Utils.murmur2(key)) % n`), and
    librdkafka's `murmur2_random`.
    """
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """MurmurHash2, 32 bits, with the seed of Kafka's `Utils.murmur2`; unsigned."""
    length = len(data)
    digest = _SEED ^ length
    whole = length & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * _M & _32_BITS
        word = (word ^ (word >> 24)) * _M & _32_BITS
        digest = (digest * _M & _32_BITS) ^ word
    if whole < length:
        digest = (digest ^ int.from_bytes(data[whole:], "little")) * _M & _32_BITS
    digest = (digest ^ (digest >> 13)) * _M & _32_BITS
    return digest ^ (digest >> 15)
