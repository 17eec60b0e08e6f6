"""The keys under which a read model stands in Redis.

All of them begin with the prefix in braces, which is what a cluster hashes: one script can touch them all,
and they share a node. Those of the engine are named as no table may be.
"""

from __future__ import annotations

import re

from consumer.errors import Misconfigured
from consumer.model.names import validated_name
from consumer.model.position import Partition
from consumer.model.table import RESERVED, Table


class Keys:
    """The keys under a prefix."""

    def __init__(self, prefix: str) -> None:
        if not prefix or "{" in prefix or "}" in prefix:
            raise Misconfigured(
                f"{prefix!r} cannot be the prefix of Redis keys: it must not be empty, and braces would "
                "tell a cluster where to put them"
            )
        self._tag = f"{{{prefix}}}"
        #: A key that nobody ever writes. While a slot is moved to another node of a cluster, a script is
        #: refused as a whole if one of its keys is not there; without this one it would begin, and be
        #: refused at the first row that is missing, in the middle of its writes.
        self.never = self._ours("never")
        #: A hash: of each table, its columns.
        self.tables = self._ours("tables")
        #: A hash: the token of the last write that had no fence.
        self.unfenced = self._ours("unfenced")

    def seal(self, projection: str, partition: Partition) -> str:
        """A hash: the projection's seal in the partition."""
        return self._ours(f"seal:{validated_name(projection)}:{partition}")

    def partitions(self, projection: str) -> str:
        """A set: the partitions in which the projection was ever sealed."""
        return self._ours(f"partitions:{validated_name(projection)}")

    def reset(self, projection: str) -> str:
        """A hash: the projection's last reset, and whether it is done."""
        return self._ours(f"reset:{validated_name(projection)}")

    def rows(self, table: Table) -> str:
        """How the keys of the table's rows begin."""
        return f"{self._tag}:{table.name}:"

    def pattern(self, table: Table) -> str:
        """What SCAN finds the table's rows by."""
        return re.sub(r"([*?\[\]\\^])", r"\\\1", self.rows(table)) + "*"

    def _ours(self, name: str) -> str:
        return f"{self._tag}:{RESERVED}{name}"
