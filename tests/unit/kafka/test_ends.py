"""What is said of partitions whose ends are not known."""

from __future__ import annotations

import pytest

from consumer.adapters.kafka.ends import untold
from consumer.model.position import Partition


@pytest.mark.parametrize(
    ("count", "named"),
    [
        (1, "orders/0"),
        (3, "orders/0, orders/1, orders/2"),
        (300, "orders/0, orders/1, orders/2 and 297 more"),
    ],
)
def test_of_many_partitions_a_few_are_named_and_the_others_counted(count: int, named: str) -> None:
    cause = untold([Partition("orders", number) for number in range(count)])
    assert str(cause) == f"Kafka does not tell where these end: {named}"
