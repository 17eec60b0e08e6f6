"""Turn event streams into read models: what the author of a projector needs, in one import."""

from consumer.engine.calls import Applied
from consumer.engine.publishing import publish
from consumer.engine.runner import Runner
from consumer.engine.upcasting import upcaster
from consumer.engine.worker import Worker
from consumer.errors import (
    AnotherLog,
    ApplyFailed,
    Cancelled,
    Closed,
    Conflict,
    ConsumerError,
    Fenced,
    Misconfigured,
    NewerRecord,
    NoUpcaster,
    OffsetLost,
    Poison,
    RowRefused,
    SequenceGap,
    SourceFailed,
    TimedOut,
    Transient,
    Undecodable,
)
from consumer.model.causes import Note
from consumer.model.event import Batch, Event, undecodable
from consumer.model.facts import Fact
from consumer.model.operations import ErrorType, Operation
from consumer.model.outgoing import Outgoing
from consumer.model.position import (
    Checkpoint,
    Claim,
    Fence,
    IntOffset,
    LogIdentity,
    Offset,
    Partition,
    StreamOffset,
)
from consumer.model.record import Fetched, Record
from consumer.model.seal import Seal
from consumer.model.start import Start
from consumer.model.table import Column, Key, Kind, Row, Table
from consumer.model.vector import Offsets
from consumer.ports.codec import Codec
from consumer.ports.event_log import EventLog
from consumer.ports.metrics import Metrics
from consumer.ports.observer import Observer
from consumer.ports.offset_store import OffsetStore
from consumer.ports.projector import (
    AsyncProjector,
    Closes,
    Projector,
    Resets,
    SetsUp,
    TransactionalProjector,
)
from consumer.ports.publisher import Publisher
from consumer.ports.read_model import ReadModel, Transaction
from consumer.ports.source import Membership, Source
from consumer.ports.upcaster import Upcaster

__all__ = [
    "AnotherLog",
    "Applied",
    "ApplyFailed",
    "AsyncProjector",
    "Batch",
    "Cancelled",
    "Checkpoint",
    "Claim",
    "Closed",
    "Closes",
    "Codec",
    "Column",
    "Conflict",
    "ConsumerError",
    "ErrorType",
    "Event",
    "EventLog",
    "Fact",
    "Fence",
    "Fenced",
    "Fetched",
    "IntOffset",
    "Key",
    "Kind",
    "LogIdentity",
    "Membership",
    "Metrics",
    "Misconfigured",
    "NewerRecord",
    "NoUpcaster",
    "Note",
    "Observer",
    "Offset",
    "OffsetLost",
    "OffsetStore",
    "Offsets",
    "Operation",
    "Outgoing",
    "Partition",
    "Poison",
    "Projector",
    "Publisher",
    "ReadModel",
    "Record",
    "Resets",
    "Row",
    "RowRefused",
    "Runner",
    "Seal",
    "SequenceGap",
    "SetsUp",
    "Source",
    "SourceFailed",
    "Start",
    "StreamOffset",
    "Table",
    "TimedOut",
    "Transaction",
    "TransactionalProjector",
    "Transient",
    "Undecodable",
    "Upcaster",
    "Worker",
    "publish",
    "undecodable",
    "upcaster",
]
