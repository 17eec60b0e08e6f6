"""The seals of a read model in Redis: a hash for each projection and partition."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias
from uuid import uuid4

import msgspec

from consumer.adapters.redis.connection import Client, reachable
from consumer.adapters.redis.packing import packed
from consumer.adapters.redis.read_model_keys import Keys
from consumer.adapters.redis.read_model_scripts import LOAD, MARK, SEAL_FIELDS, SWAP
from consumer.adapters.redis.scripts import run, text
from consumer.errors import Fenced, Misconfigured, NewerRecord, OffsetLost
from consumer.model.position import Claim, LogIdentity, Offset, Partition
from consumer.model.seal import Seal, behind, outlived

#: The schema of the seals that this release writes, and the newest that it understands.
_SCHEMA = 1

#: The `SEAL_FIELDS` as they stand, "" where one is not there.
_Record: TypeAlias = Sequence[str]


class Seals:
    """Reads and changes seals, by the rules of `Seal`: each change is made if what was read still stands."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def read(self, projection: str, partitions: Sequence[Partition]) -> list[Seal | None]:
        """Those of the partitions, in their order. `NewerRecord` where this release cannot read one."""
        records = self._records(projection, partitions)
        return [
            _seal(projection, partition, record)
            for partition, record in zip(partitions, records, strict=True)
        ]

    def renew(self, claim: Claim, log: LogIdentity) -> Seal:
        """As `ReadModel.seal`; `OffsetLost` while a reset is half done."""

        def renewed(before: Seal | None) -> Seal:
            if before is None:
                return Seal(claim.epoch, claim.token, log, None)
            return before.renewed(claim, log)

        return self._changed(claim, renewed)

    def begin(self, claim: Claim, offset: Offset) -> None:
        """As `ReadModel.begin`; `OffsetLost` while a reset is half done."""

        def begun(before: Seal | None) -> Seal:
            if before is None:
                raise behind(claim, 0)
            return before.begun(claim, offset)

        self._changed(claim, begun)

    def mark(self, projection: str, seals: Mapping[Partition, Seal]) -> str:
        """Lets nobody write, under these seals and, in the projection's other partitions, under epochs of its
        own. Returns the reset's id, under which its further steps go.
        """
        deed = f"begin a reset of {projection}"
        while True:
            id_ = uuid4().hex
            listed = self.partitions(projection)
            partitions = sorted({*listed, *seals})
            last = self._last_reset(projection)
            records = self._records(projection, partitions)
            steps = []
            for partition, record in zip(partitions, records, strict=True):
                before = _seal(projection, partition, record)
                after = seals.get(partition)
                if after is not None:
                    _refuse_older(projection, partition, before, after, last)
                elif before is None:
                    continue
                else:
                    after = Seal(before.epoch + 1, "", before.log)
                after = msgspec.structs.replace(after, offset=None)
                steps.append((str(partition), record, _record(after)))
            keys = [self._keys.never, self._keys.reset(projection)]
            keys.append(self._keys.partitions(projection))
            keys += [self._keys.seal(projection, Partition.parse(step[0])) for step in steps]
            plan = {"id": id_, "known": len(listed), "seals": steps}
            answer = run(self._client, MARK, keys, [packed(plan)], deed)
            if text(answer[0]) == "marked":
                return id_

    def partitions(self, projection: str) -> list[Partition]:
        """In which the projection was ever sealed, in order."""
        with reachable(f"list the partitions of {projection}"):
            found = self._client.smembers(self._keys.partitions(projection))
        return sorted(Partition.parse(text(partition)) for partition in found)

    def _changed(self, claim: Claim, rule: Callable[[Seal | None], Seal]) -> Seal:
        projection, partition = claim.projection, claim.partition
        keys = [
            self._keys.never,
            self._keys.seal(projection, partition),
            self._keys.partitions(projection),
            self._keys.reset(projection),
        ]
        while True:
            (before,) = self._records(projection, [partition])
            after = rule(_seal(projection, partition, before))
            plan = packed((str(partition), before, _record(after)))
            answer = run(self._client, SWAP, keys, [plan], f"seal {partition} for {projection}")
            match text(answer[0]):
                case "put":
                    return after
                case "resetting":
                    raise half_done(projection, partition)

    def _records(self, projection: str, partitions: Sequence[Partition]) -> list[_Record]:
        if not partitions:
            return []
        keys = [self._keys.seal(projection, partition) for partition in partitions]
        deed = f"read what is sealed of {projection} in {partitions[0]}"
        found = run(self._client, LOAD, keys, SEAL_FIELDS, deed)
        try:
            return [[text(field or b"") for field in record] for record in found]
        except UnicodeDecodeError as cause:
            raise _damaged(projection, partitions[0], cause) from cause

    def _last_reset(self, projection: str) -> str:
        """`clearing`, `done`, or "" where there was none."""
        with reachable(f"read how the last reset of {projection} fared"):
            return text(self._client.hget(self._keys.reset(projection), "state") or b"")


def half_done(projection: str, partition: Partition) -> OffsetLost:
    """Some rows are gone, and some may be left."""
    return OffsetLost(
        f"a reset of {projection} is half done, or was interrupted: until it is done nobody may write the "
        f"rows of {partition}. Reset the projection's offsets again, and start its workers after that"
    )


def superseded(projection: str) -> Fenced:
    """Another reset began since."""
    return Fenced(
        f"another reset of {projection} began since, so this one ends; its outcome is that of the other one"
    )


def _refuse_older(
    projection: str, partition: Partition, before: Seal | None, after: Seal, last: str
) -> None:
    """The same reset may be done again, half done or done: nobody wrote under its epoch."""
    if before is None or after.epoch > before.epoch:
        return
    reached = msgspec.structs.replace(after, offset=None) if last == "clearing" else after
    if not last or before != reached:
        raise outlived(projection, partition, after, before.epoch)


def _seal(projection: str, partition: Partition, record: _Record) -> Seal | None:
    if not any(record):
        return None
    try:
        schema, epoch, token, log_id, log_partitions, offset = record
        if not schema.isdigit() or int(schema) > _SCHEMA:
            raise NewerRecord(
                f"a newer release sealed the rows of {projection} in {partition}, in schema {schema!r}; this "
                f"one knows schema {_SCHEMA} and leaves them as they are. Deploy the newer release here too"
            )
        log = LogIdentity(log_id, int(log_partitions))
        return Seal(int(epoch), token, log, Offset.parse(offset) if offset else None)
    except ValueError as cause:
        raise _damaged(projection, partition, cause) from cause


def _damaged(projection: str, partition: Partition, cause: ValueError) -> Misconfigured:
    return Misconfigured(
        f"the seal of {projection} in {partition} is damaged: {cause}. Restore the data of the read "
        "model's Redis, or delete the key and reset the projection's offsets"
    )


def _record(seal: Seal) -> _Record:
    return (
        str(_SCHEMA),
        str(seal.epoch),
        seal.token,
        seal.log.id,
        str(seal.log.partitions),
        "" if seal.offset is None else str(seal.offset),
    )
