"""A projector that reads its data, and keeps nothing but a sum."""

from __future__ import annotations

from benchmarks.orders import Order
from consumer.model.event import Batch


class Fold:
    """The projector."""

    name = "fold"
    handles = ("OrderPlaced",)

    def __init__(self) -> None:
        self.checksum = 0

    def apply(self, batch: Batch) -> None:
        """Decodes the data of each event, and adds one field up."""
        for event in batch:
            self.checksum += event.decode(Order).cents


fold = Fold()
