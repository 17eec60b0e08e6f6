"""Checkpoints, leases and the audit that one part of the settings names lie in one place."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from consumer.settings.offsets import OffsetSettings, RedisOffsets, SqliteOffsets
from consumer.settings.postgresql import PostgresqlConnection
from consumer.wiring.offsets import audit, offset_store, presence
from tests.contracts.audit_contract import reset
from tests.contracts.offset_store_contract import at, claimed, offset_in


def in_redis(request: pytest.FixtureRequest, _: Path) -> OffsetSettings:
    server: Any = request.getfixturevalue("valkey")
    url = SecretStr(server.url)
    return OffsetSettings(redis=RedisOffsets(url=url, prefix=f"test-{uuid.uuid4().hex}"))


def in_sqlite(_: pytest.FixtureRequest, folder: Path) -> OffsetSettings:
    return OffsetSettings(sqlite=SqliteOffsets(path=folder / "offsets.db"))


def in_postgresql(request: pytest.FixtureRequest, _: Path) -> OffsetSettings:
    server: Any = request.getfixturevalue("postgresql")
    url = SecretStr(server.database())
    return OffsetSettings(postgresql=PostgresqlConnection(url=url, schema="beside"))


def behind_pgbouncer(request: pytest.FixtureRequest, _: Path) -> OffsetSettings:
    server: Any = request.getfixturevalue("postgresql")
    pooler: Any = request.getfixturevalue("pgbouncer")
    url = SecretStr(pooler.url(server.database()))
    return OffsetSettings(postgresql=PostgresqlConnection(url=url, pooled=True))


@pytest.mark.parametrize("kind", [in_redis, in_sqlite, in_postgresql, behind_pgbouncer])
def test_what_the_settings_name_is_found_again_by_whoever_opens_it(
    kind: Callable[[pytest.FixtureRequest, Path], OffsetSettings],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    settings = kind(request, tmp_path)
    with (
        closing(offset_store(settings)) as store,
        closing(presence(settings)) as leases,
        closing(audit(settings)) as records,
    ):
        store.commit(claimed(store), None, at(9))
        leases.extend("worker-1", 600)
        records.record(reset())

    with (
        closing(offset_store(settings)) as store,
        closing(presence(settings)) as leases,
        closing(audit(settings)) as records,
    ):
        assert offset_in(store) == at(9)
        assert leases.present(["worker-1", "worker-2"]) == {"worker-1"}
        assert list(records.records("customers")) == [reset()]
    if settings.sqlite is not None:
        assert {
            file.name.removesuffix("-wal").removesuffix("-shm") for file in tmp_path.iterdir()
        } == {"offsets.db"}
