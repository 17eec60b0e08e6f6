"""How what one poll brought is put in order, on the client's own messages."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Message

from consumer.adapters.kafka.arriving import by_partition
from consumer.adapters.kafka.assignment import Assignment
from consumer.model.position import Claim, IntOffset, Partition


def an_assignment(*flowing: Partition, resting: tuple[Partition, ...] = ()) -> Assignment:
    assignment = Assignment()
    assignment.arrived([(each.topic, each.number) for each in (*flowing, *resting)])
    for held in assignment:
        held.claim = Claim("p", held.partition, 1, "token", IntOffset(-1))
        held.flows = held.partition in flowing
    return assignment


def arrived(assignment: Assignment, *places: tuple[str, int, int]) -> dict[str, list[int]]:
    messages = [Message(topic=topic, partition=at, offset=offset) for topic, at, offset in places]
    wrong: list[Any] = []
    return {
        str(each.held.partition): [message.offset() for message in each.messages]
        for each in by_partition(messages, assignment, lambda *told: wrong.append(told))
    }


def test_runs_of_partitions_that_alternate_are_put_together_in_order() -> None:
    assignment = an_assignment(Partition("orders", 0), Partition("orders", 1))

    found = arrived(
        assignment, ("orders", 0, 5), ("orders", 0, 6), ("orders", 1, 9), ("orders", 0, 7)
    )

    assert found == {"orders/0": [5, 6, 7], "orders/1": [9]}


def test_partitions_of_one_number_in_two_topics_are_kept_apart() -> None:
    assignment = an_assignment(Partition("orders", 0), Partition("payments", 0))

    found = arrived(assignment, ("orders", 0, 5), ("payments", 0, 2), ("orders", 0, 6))

    assert found == {"orders/0": [5, 6], "payments/0": [2]}


def test_what_rests_or_is_not_ours_is_left_out_wherever_it_stands() -> None:
    assignment = an_assignment(Partition("orders", 0), resting=(Partition("orders", 1),))

    found = arrived(
        assignment, ("orders", 1, 3), ("orders", 0, 5), ("orders", 2, 8), ("orders", 0, 6)
    )

    assert found == {"orders/0": [5, 6]}
