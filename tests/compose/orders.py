"""Where orders stand, told from the events alone: by none of the code that is tested."""

from __future__ import annotations

from typing import Any


def board(events: list[dict[str, Any]]) -> dict[str, str]:
    """The status of each order that is not erased."""
    states = {"OrderPlaced": "open", "OrderShipped": "shipped", "OrderCancelled": "cancelled"}
    orders: dict[str, str] = {}
    for event in events:
        if event["type"] == "OrderErased":
            del orders[event["subject"]]
        else:
            assert (event["type"] == "OrderPlaced") == (event["subject"] not in orders)
            orders[event["subject"]] = states[event["type"]]
    return orders
