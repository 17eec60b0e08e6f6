"""Floor 5, tests of projectors: the real runner, in memory, without a server."""

from consumer.testing.checks import assert_idempotent, assert_order_kept
from consumer.testing.codecs import assert_codec_holds
from consumer.testing.given import event
from consumer.testing.projecting import Projected, project
from consumer.testing.projection import Projection

__all__ = [
    "Projected",
    "Projection",
    "assert_codec_holds",
    "assert_idempotent",
    "assert_order_kept",
    "event",
    "project",
]
