"""Whether the group took us in, on a client that tells what a test says."""

from __future__ import annotations

from typing import Any

from consumer.adapters.kafka.joining import Joining


class Client:
    """A member's name and standing, as the client tells them."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.generation = -1

    def memberid(self) -> str | None:
        return self.name

    def consumer_group_metadata(self) -> bytes:
        return f"v2:{self.generation}:group:{self.name or ''}".encode()


def test_a_name_alone_is_no_membership_and_a_new_standing_is_one() -> None:
    client: Any = Client()
    joining = Joining(client)
    joining.is_outside()
    client.name = "m-1"
    assert not joining.joined()
    client.generation = 3
    assert joining.joined()


def test_a_name_that_comes_between_two_questions_is_no_membership() -> None:
    class Named(Client):
        coming: str | None = None

        def memberid(self) -> str | None:
            before, self.name = self.name, self.coming
            return before

    client: Any = Named()
    joining = Joining(client)
    joining.is_outside()
    client.coming = "m-1"
    assert not joining.joined()


def test_who_fell_out_is_outside_until_the_group_takes_it_in_again() -> None:
    client: Any = Client()
    joining = Joining(client)
    joining.is_inside()
    assert joining.joined()
    client.generation = 3
    joining.is_outside()
    assert not joining.joined()
    client.generation = 5
    assert joining.joined()
    joining.is_outside()
    joining.is_inside()
    assert joining.joined()
