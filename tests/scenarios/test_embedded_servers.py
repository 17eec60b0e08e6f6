"""The embedded servers: what survives a kill, and that nothing is left behind."""

import os
import shutil
import tarfile
from contextlib import closing

import psycopg
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from consumer.embedded import postgresql
from consumer.embedded.process import exchange
from consumer.embedded.valkey import Valkey
from tests import servers


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_append_only_valkey_keeps_all_that_it_answered_for_through_a_kill(own_valkey):
    server = own_valkey(append_only=True)
    port = server.port
    assert exchange(port, b"SET a 1\r\n") == b"+OK\r\n"
    server.restart()
    assert server.port == port
    assert exchange(port, b"GET a\r\n") == b"$1\r\n1\r\n"


def test_another_valkey_is_empty_after_every_start(own_valkey):
    server = own_valkey()
    exchange(server.port, b"SET a 1\r\n")
    server.stop()
    server.start()
    assert exchange(server.port, b"GET a\r\n") == b"$-1\r\n"


def test_a_server_is_gone_with_its_folder_when_the_body_fails():
    with pytest.raises(ZeroDivisionError), Valkey() as server:  # noqa: PT012  the body is what fails
        pid, folder = server.pid, server.folder
        raise ZeroDivisionError
    assert not is_alive(pid)
    assert not folder.exists()


def test_a_server_that_does_not_start_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(servers.Missing, match="nonsense"):
        servers.valkey_process(options=("--nonsense", "1")).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_a_kafka_keeps_port_and_topics_through_stop_and_kill(own_kafka):
    broker = own_kafka()
    bootstrap = broker.bootstrap
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    admin.create_topics([NewTopic("kept", 3, 1)])["kept"].result(10)
    broker.restart()
    assert "kept" in admin.list_topics(timeout=10).topics
    broker.kill()
    broker.start()
    assert broker.bootstrap == bootstrap
    assert len(admin.list_topics(timeout=10).topics["kept"].partitions) == 3
    del admin


def test_a_sentinel_trio_fails_over_when_the_master_is_killed(own_sentinel):
    master = own_sentinel.master
    master.kill()
    servers._until(lambda: own_sentinel.master is not master, "no failover")


def test_three_masters_share_the_slots(valkey_cluster):
    if not valkey_cluster.addresses:
        pytest.skip("a cluster of somebody else's")
    for _, port in valkey_cluster.addresses:
        assert b"cluster_slots_ok:16384" in exchange(port, b"CLUSTER INFO\r\n")


def test_a_postgresql_keeps_all_that_it_answered_for_through_a_kill(own_postgresql):
    server = own_postgresql(options={"max_connections": 7})
    url = server.url
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (number integer)")
        connection.execute("INSERT INTO kept VALUES (1)")
    with closing(psycopg.connect(url)):
        server.restart()
    assert server.url == url
    with closing(psycopg.connect(url)) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(1,)]
        assert connection.execute("SHOW max_connections").fetchone() == ("7",)
        server.stop()  # it does not wait for its clients
    server.start()
    psycopg.connect(url).close()


def test_each_database_for_a_test_is_another_empty_one(request):
    server = request.getfixturevalue("postgresql")
    first, second = server.database(), server.database()
    assert first != second
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE mine ()")
    with psycopg.connect(second) as connection:
        assert connection.execute("SELECT to_regclass('mine')").fetchone() == (None,)


def test_databases_at_an_address_of_the_environment_are_dropped_when_the_run_ends(
    own_postgresql, monkeypatch
):
    server = own_postgresql()
    monkeypatch.setenv("PROJECTIONS_TEST_POSTGRESQL", server.url)
    shared = servers.Shared()
    psycopg.connect(shared.get("postgresql").database()).close()
    shared.close()
    with closing(psycopg.connect(server.url)) as connection:
        names = connection.execute("SELECT datname FROM pg_database ORDER BY datname").fetchall()
    assert names == [("postgres",), ("template0",), ("template1",)]


def test_a_registry_keeps_all_that_it_answered_for_through_a_kill(own_registry):
    server = own_registry()
    with SchemaRegistryClient({"url": server.url, "timeout": 20}) as client:
        number = client.register_schema("kept-value", Schema('"string"', "AVRO"))
    server.kill()
    server.start()
    with SchemaRegistryClient({"url": server.url, "timeout": 20}) as client:
        kept = client.get_schema(number)
    assert (kept.schema_type, kept.schema_str) == ("AVRO", '"string"')


def test_an_archive_of_the_registry_that_came_in_half_is_thrown_away(tmp_path, monkeypatch):
    half = tmp_path / "half.tar.gz"
    with tarfile.open(half, "w:gz") as tar:
        tar.add(__file__)
    half.write_bytes(half.read_bytes()[:1000])
    monkeypatch.setattr("tests.registry._fetched", lambda release: half)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(servers.Missing, match=r"half\.tar\.gz was broken: try again"):
        servers.registry_process().__enter__()
    assert not half.exists()
    kept = [path.name for path in (tmp_path / "projection-consumer").iterdir()]
    assert kept == ["jvm"]


def test_a_setting_that_postgresql_does_not_know_is_quoted_from_its_last_words():
    with pytest.raises(servers.Missing, match="no_such_setting"):
        servers.postgresql_process({"no_such_setting": "1"}).__enter__()


def test_root_runs_programs_of_its_own_folder_as_somebody_else(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root needs to")
    programs = postgresql.binaries()
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    package = hidden / programs.parents[1].name
    shutil.copytree(programs.parent, package / programs.parent.name, symlinks=True)
    shutil.copytree(
        programs.parents[1].with_name(f"{programs.parents[1].name}.libs"),
        hidden / f"{programs.parents[1].name}.libs",
    )
    with postgresql.Postgresql(programs=package / programs.parent.name / "bin") as server:
        psycopg.connect(server.url).close()
