"""What the group gave us, as a value."""

from __future__ import annotations

from consumer.adapters.kafka.assignment import Assignment
from consumer.model.position import Claim, IntOffset, Partition

ZERO, ONE = Partition("t", 0), Partition("t", 1)


def held_with_claims() -> Assignment:
    assignment = Assignment()
    assignment.arrived([("t", 0), ("t", 1)])
    for held in assignment:
        held.claim = Claim("p", held.partition, 1, "token", IntOffset(4))
        held.goes_on_behind(4)
    return assignment


def test_what_arrives_has_no_claim_and_may_not_flow() -> None:
    assignment = Assignment()
    assignment.arrived([("t", 0)])
    assert [held.partition for held in assignment.unclaimed()] == [ZERO]
    assert assignment.to_flow(()) == []


def test_the_next_offset_is_one_behind_the_last_read() -> None:
    assert [held.next for held in held_with_claims()] == [5, 5]


def test_what_has_a_claim_flows_unless_it_is_wanted_at_rest_in_doubt_or_stuck() -> None:
    assignment = held_with_claims()
    zero, one = assignment
    assert assignment.to_flow(()) == [zero, one]
    assert assignment.to_flow({ZERO}) == [one]
    one.doubted_at = 1.0
    assert assignment.to_flow(()) == [zero]
    zero.stuck = True
    assert assignment.to_flow(()) == []


def test_only_what_flows_is_brought_to_rest() -> None:
    assignment = held_with_claims()
    zero, one = assignment
    zero.flows = True
    assert assignment.to_rest({ZERO, ONE}) == [zero]
    assert assignment.to_rest(()) == []
    assert assignment.to_flow(()) == [one]


def test_a_partition_that_comes_back_is_another_holding_without_a_claim() -> None:
    assignment = held_with_claims()
    before = assignment.get(("t", 0))
    assert before is not None
    assert assignment.left([("t", 0), ("t", 7)]) == [ZERO]
    assignment.arrived([("t", 0)])
    assert not assignment.holds(before)
    assert [held.partition for held in assignment.unclaimed()] == [ZERO]


def test_leaving_returns_all_that_was_held() -> None:
    assignment = held_with_claims()
    assert assignment.everything_left() == [ZERO, ONE]
    assert list(assignment) == []
