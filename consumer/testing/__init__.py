"""Floor 5, tests of projectors: the real runner, in memory, without a server."""

from consumer.testing.checks import assert_idempotent, assert_order_kept
from consumer.testing.given import event
from consumer.testing.projecting import Projected, project
from consumer.testing.projection import Projection

__all__ = [
    "Projected",
    "Projection",
    "assert_idempotent",
    "assert_order_kept",
    "event",
    "project",
]
