"""From settings to the SQL that makes a projection's tables, for those whose DBA runs it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from consumer.engine.transacting import refuse_mismatch
from consumer.errors import Misconfigured
from consumer.model.table import Table
from consumer.ports.projector import TransactionalProjector
from consumer.settings.document import Settings
from consumer.settings.read_models import ReadModelSettings
from consumer.wiring.guarding import guarding
from consumer.wiring.projectors import projector


class Ddl(msgspec.Struct, frozen=True):
    """What makes the tables of a projection's read model."""

    #: "" where there is nothing to run.
    sql: str
    #: What the SQL does not make, and who does; "" if it makes all.
    note: str = ""


def ddl_of_offsets(settings: Settings) -> Ddl:
    """That of the offset store, and of what is kept beside it."""
    store = settings.offsets.postgresql
    if store is None:
        return Ddl("", "the offsets are kept where nobody makes tables by hand")
    from consumer.adapters.postgresql.checkpoint_tables import definitions

    schema = store.db_schema
    statements = [f'CREATE SCHEMA IF NOT EXISTS "{schema}"', *definitions(schema)]
    return Ddl("".join(f"{statement};\n" for statement in statements))


def ddl(settings: Settings, name: str) -> Ddl:
    """That of the projection's read model, with the projector's tables and our own; connects nowhere.

    Raises `Misconfigured`, also where the projection has no read model.
    """
    projection = settings.projection(name)
    place = f"projections.{name}"
    try:
        own = projector(projection.projector)
    except Misconfigured as cause:
        raise Misconfigured(f"{place}.projector: {cause}") from cause
    store = projection.read_model
    try:
        refuse_mismatch(own, None if store is None else store.kind)
    except Misconfigured as cause:
        raise Misconfigured(f"{place}.read_model: {cause}") from cause
    if store is None or not isinstance(own, TransactionalProjector):
        raise Misconfigured(
            f"{place} has no read_model: {projection.projector} writes by itself, and makes what tables it has"
        )
    if store.redis is not None:
        return Ddl("", f"{place} keeps its rows in Redis, where there are no tables to make")
    guard = guarding(name, projection)
    tables = [*own.tables, *([] if guard is None else [guard.table])]
    note = (
        ""
        if own.tables
        else f"{projection.projector} names no tables: these are ours alone, and those of its rows are its own to make"
    )
    return Ddl(_sql(store, tables), note)


def _sql(store: ReadModelSettings, tables: Sequence[Table]) -> str:
    if store.postgresql is not None:
        from consumer.adapters.postgresql.ddl import ddl as of_postgresql

        return of_postgresql(tables, schema=store.postgresql.db_schema)
    from consumer.adapters.sqlite.ddl import ddl as of_sqlite

    return of_sqlite(tables)
