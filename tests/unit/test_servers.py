"""Where the tests' servers come from."""

import pytest

from tests import conftest, servers
from tests.servers import Missing, RedisServer


def test_an_address_in_the_environment_is_taken_as_it_is(monkeypatch):
    monkeypatch.setenv("PROJECTIONS_TEST_KAFKA", "broker:9092")
    monkeypatch.setenv("PROJECTIONS_TEST_REDIS_70", "redis://server:6379/1")
    monkeypatch.setenv("PROJECTIONS_TEST_VALKEY_SENTINEL", "main@one:26379,two:26380")
    monkeypatch.setenv("PROJECTIONS_TEST_SCHEMA_REGISTRY", "http://registry:8081")
    shared = servers.Shared()
    assert shared.get("kafka").bootstrap == "broker:9092"
    assert shared.get("schema_registry").url == "http://registry:8081"
    assert shared.get("redis_70").url == "redis://server:6379/1"
    assert shared.get("valkey_sentinel").addresses == (("one", 26379), ("two", 26380))
    assert shared.get("valkey_sentinel").service == "main"
    shared.close()


def test_a_server_is_looked_for_once_a_run_even_when_it_is_missing(monkeypatch):
    looks = []

    def find():
        looks.append(1)
        raise Missing("not here")

    monkeypatch.setitem(servers.SERVERS, "kafka", find)
    shared = servers.Shared()
    assert isinstance(shared.get("kafka"), Missing)
    assert isinstance(shared.get("kafka"), Missing)
    assert len(looks) == 1


def test_another_process_asks_at_the_desk(monkeypatch):
    monkeypatch.setenv("PROJECTIONS_TEST_VALKEY", "redis://server:6379/0")
    shared = servers.Shared()
    desk = servers.Desk(shared)
    assert servers.ask(desk.port, desk.key, "valkey") == RedisServer("redis://server:6379/0")
    desk.close()


def test_a_missing_server_fails_the_run_in_ci_and_skips_elsewhere(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="not here"):
        conftest._unavailable(Missing("not here"))
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="not here"):
        conftest._unavailable(Missing("not here"))


def test_postgresql_programs_are_taken_from_the_path_where_both_are_there(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert servers.postgresql_programs_on_path() is None
    for name in ("postgres", "initdb"):
        assert servers.postgresql_programs_on_path() is None
        (tmp_path / name).touch(mode=0o755)
    assert servers.postgresql_programs_on_path() == tmp_path


def test_a_pgbouncer_that_is_not_installed_is_missing(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda *args, **kwargs: None)
    with pytest.raises(Missing, match="apt-get install pgbouncer"):
        servers.pgbouncer_process(servers.PostgresqlServer("postgresql://x", "run")).__enter__()
