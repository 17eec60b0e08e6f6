"""The events of the benchmark: some 230 bytes of JSON each, as our publisher writes them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from random import Random
from uuid import UUID

import msgspec

from consumer.model.outgoing import Outgoing

TOPIC = "orders"
PARTITIONS = 8


class Order(msgspec.Struct, frozen=True, gc=False):
    """The data of an event."""

    customer_id: str
    cents: int


class OrderPlaced(msgspec.Struct, frozen=True, gc=False):
    """A whole event, typed: what the limit decodes in one go."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: Order


def orders(count: int) -> Iterator[Outgoing]:
    """The same events each time. Ids and customers are as random as those of a shop: how well
    records compress decides how fast a client can be.
    """
    luck = Random(2026)  # noqa: S311  nothing here is secret
    for _ in range(count):
        customer = f"customer-{luck.getrandbits(32):08x}"
        attributes = {
            "specversion": "1.0",
            "id": str(UUID(int=luck.getrandbits(128), version=4)),
            "source": "/shop",
            "type": "OrderPlaced",
            "subject": customer,
            "time": f"2026-11-{luck.randint(10, 28)}T{luck.randint(10, 23)}:{luck.randint(10, 59)}:00Z",
        }
        data = msgspec.json.encode(Order(customer, luck.randint(100, 99_999)))
        yield Outgoing(customer.encode(), attributes, data)
