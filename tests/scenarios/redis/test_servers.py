"""Redis restarts, fails over, or is a cluster: the fleet goes on by itself, and loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from redis.exceptions import RedisError

from consumer.embedded.valkey import Valkey
from tests.fleet import eventually
from tests.scenarios.redis.story import Story, story
from tests.servers import SERVICE, RedisCluster, SentinelTrio

# --- a restart -----------------------------------------------------------------------------------


def it_restarts_with_work_left(story: Story, server: Valkey) -> None:
    story.publish(2000)
    for _ in range(2):
        story.fleet.spawn(seconds_an_apply=0.02)
    eventually(lambda: story.fleet.applied() > 100, "they apply")
    server.restart()


def test_redis_restarts_mid_run_and_nothing_is_lost(
    own_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    server = own_valkey(append_only=True)
    with story({"url": server.url}, tmp_path, batch_size=20) as told:
        it_restarts_with_work_left(told, server)
        assert told.fleet.applied() < 2000, "nothing was left to do"
        told.publish(200)
        eventually(told.fleet.everything_is_applied, "everything is applied")
        eventually(told.fleet.everything_is_committed, "everything is committed")
        assert told.fleet.findings().wrong() == {}
        assert [worker.stop() for worker in told.fleet.processes] == [0, 0]


def test_a_worker_that_expects_redis_to_be_there_ends_at_a_restart(
    own_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    server = own_valkey(append_only=True)
    with story({"url": server.url}, tmp_path, batch_size=20, naive="last-id") as told:
        it_restarts_with_work_left(told, server)
        assert all(worker.ended() != 0 for worker in told.fleet.processes)


# --- a failover ----------------------------------------------------------------------------------


def the_master_dies(story: Story, trio: SentinelTrio) -> None:
    fleet = story.fleet
    story.publish(300)
    fleet.spawn()
    eventually(fleet.everything_is_applied, "everything is applied")
    eventually(fleet.everything_is_committed, "everything is committed")
    assert story.client.wait(1, 5000) == 1  # what is not replicated, a failover loses
    demoted = trio.master
    demoted.kill()
    eventually(lambda: trio.master is not demoted, "another is master")
    eventually(lambda: published(story), "the new master takes entries")


def published(story: Story) -> bool:
    try:
        story.publish(97)
    except RedisError:
        return False
    return True


def behind(trio: SentinelTrio) -> dict[str, str]:
    hosts = ",".join(f"{host}:{port}" for host, port in trio.addresses)
    return {"url": f"redis://{hosts}/0", "sentinel": SERVICE}


def test_sentinels_fail_over_and_the_worker_follows(
    own_sentinel: SentinelTrio, tmp_path: Path
) -> None:
    with story(behind(own_sentinel), tmp_path) as told:
        the_master_dies(told, own_sentinel)
        eventually(told.fleet.everything_is_applied, "everything is applied")
        eventually(told.fleet.everything_is_committed, "everything is committed")
        found = told.fleet.findings()
        assert found.wrong() == {}
        assert found.repeated == []
        assert [worker.stop() for worker in told.fleet.processes] == [0]


def test_a_worker_that_keeps_to_the_first_address_ends_at_a_failover(
    own_sentinel: SentinelTrio, tmp_path: Path
) -> None:
    with story(behind(own_sentinel), tmp_path, naive="last-id") as told:
        told.publish(300)
        worker = told.fleet.spawn()
        eventually(told.fleet.everything_is_applied, "everything is applied")
        own_sentinel.master.kill()
        assert worker.ended() != 0


# --- a cluster -----------------------------------------------------------------------------------


def two_workers_on(story: Story) -> None:
    fleet = story.fleet
    with story.publishing(300):
        fleet.spawn()
        eventually(lambda: fleet.applied() > 50, "one applies")
        fleet.spawn()
        everybody = {worker.pid for worker in fleet.processes}
        eventually(lambda: fleet.workers_that_applied() == everybody, "both apply")
        fleet.processes[0].kill()
        seq = fleet.last_seq()
        eventually(lambda: fleet.last_seq() > seq + 100, "the other goes on")
    eventually(fleet.everything_is_applied, "everything is applied")
    eventually(fleet.everything_is_committed, "everything is committed")


def test_on_a_cluster_workers_come_and_are_killed_and_nothing_is_lost(
    valkey_cluster: RedisCluster, tmp_path: Path
) -> None:
    with story({"url": valkey_cluster.url, "cluster": True}, tmp_path, streams=8) as told:
        two_workers_on(told)
        assert told.fleet.findings().wrong() == {}
        assert told.fleet.processes[1].stop() == 0


def test_a_worker_that_knows_one_server_ends_on_a_cluster(
    valkey_cluster: RedisCluster, tmp_path: Path
) -> None:
    server = {"url": valkey_cluster.url, "cluster": True}
    with story(server, tmp_path, streams=8, naive="group") as told:
        told.publish(100)
        worker = told.fleet.spawn()
        assert worker.ended() != 0
        said = worker.log.read_text()
        assert "MovedError" in said or "ClusterCrossSlotError" in said
