"""The same partitions as with Kafka's Java client."""

from __future__ import annotations

import pytest

from consumer.adapters.redis.partitioning import murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "digest"),
    [  # as in Kafka's own UtilsTest.testMurmur2
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_digest_is_that_of_kafka(key: bytes, digest: int) -> None:
    assert murmur2(key) == digest % 2**32


def test_a_partition_is_the_positive_digest_modulo_their_number() -> None:
    assert partition_of(b"21", 12) == (-973932308 & 0x7FFFFFFF) % 12
    assert {partition_of(b"%d" % n, 3) for n in range(100)} == {0, 1, 2}
