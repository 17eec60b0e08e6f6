"""Orders without end, as lines for `projections publish`: placed, then shipped or cancelled, at last erased."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from random import Random
from typing import Any

#: Orders that are neither shipped nor cancelled; the board fills with them first.
OPEN = 200
#: Orders that stay on the board thereafter: it does not grow for ever.
KEPT = 1_000
CUSTOMERS = 50
CARRIERS = ("DHL", "DPD", "UPS")


def events(chance: Random, run: str) -> Iterator[dict[str, Any]]:
    """Events in the order in which they happen. `run` is in every order's id: each start has orders of its own."""
    waiting: list[tuple[str, dict[str, Any]]] = []
    done: deque[str] = deque()
    number = 0
    while True:
        if len(done) > KEPT:
            yield {"type": "OrderErased", "subject": done.popleft()}
        elif len(waiting) < OPEN:
            number += 1
            order = f"{run}-{number}"
            total = f"{chance.randrange(500, 50_000) / 100:.2f}"
            data = {"customer_id": f"customer-{chance.randrange(CUSTOMERS)}", "total": total}
            waiting.append((order, data))
            yield {"type": "OrderPlaced", "subject": order, "data": data}
        else:
            order, data = waiting.pop(chance.randrange(OPEN))
            done.append(order)
            if chance.randrange(10) == 0:
                yield {"type": "OrderCancelled", "subject": order, "data": data}
            else:
                carrier = chance.choice(CARRIERS)
                yield {"type": "OrderShipped", "subject": order, "data": {"carrier": carrier}}


def main() -> None:
    """Prints them at the rate that `EVENTS_PER_SECOND` says."""
    pause = 1 / float(os.environ.get("EVENTS_PER_SECOND") or 20)
    for event in events(Random(), f"{time.time_ns():x}"):  # noqa: S311  # no secret is made of it
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()
        time.sleep(pause)


if __name__ == "__main__":
    main()
