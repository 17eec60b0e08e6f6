"""What docker-compose.yml says fits together, and fits our settings; none of it needs Docker."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer

from consumer.cli.program import program
from consumer.settings.document import Settings
from consumer.settings.loading import load
from tests.compose.reading import ROOT, read

FOLDER = ROOT / "deploy" / "compose"
SETTINGS = FOLDER / "projections.yaml"
PASSWORD_FILE = "/run/secrets/postgres-password"  # where it is, not what it is

Services = dict[str, Any]


@pytest.fixture
def settings(tmp_path: Path, ours: Services, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """What a worker reads: the file and its environment, with the secret where this machine has it."""
    text = SETTINGS.read_text(encoding="utf-8")
    assert PASSWORD_FILE in text
    file = tmp_path / "projections.yaml"
    file.write_text(
        text.replace(PASSWORD_FILE, str(FOLDER / "postgres-password")), encoding="utf-8"
    )
    for service in ours.values():
        for name, value in service["environment"].items():
            monkeypatch.setenv(name, value)
    return load(file)


def test_a_key_that_compose_does_not_know_would_be_refused(tmp_path: Path) -> None:
    file = tmp_path / "docker-compose.yml"
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    file.write_text(text.replace("read_only: true", "readonly: true"), encoding="utf-8")
    done = read(file)
    assert done.returncode != 0
    assert "readonly" in done.stderr


def test_every_file_that_is_mounted_is_there(model: dict[str, Any]) -> None:
    binds = [
        volume["source"]
        for service in model["services"].values()
        for volume in service.get("volumes", ())
        if volume["type"] == "bind"
    ]
    secrets = [secret["file"] for secret in model["secrets"].values()]
    assert len(binds) >= 6
    assert [path for path in (*binds, *secrets) if not Path(path).exists()] == []


def test_each_secret_is_a_file_and_none_is_a_variable(services: Services) -> None:
    for name, service in services.items():
        variables = service.get("environment", {})
        told = [key for key in variables if re.search("PASSWORD|SECRET|TOKEN", key)]
        assert [key for key in told if not key.endswith("_FILE")] == [], name
        for key in told:
            assert variables[key] == PASSWORD_FILE
            assert [secret["source"] for secret in service["secrets"]] == ["postgres-password"]


def test_every_variable_for_our_image_is_one_that_it_knows(ours: Services) -> None:
    known = {option.envvar for option in typer.main.get_command(program).params}
    fields = {name.upper() for name in Settings.model_fields}
    found = {name for service in ours.values() for name in service["environment"]}
    found = {name for name in found if name.startswith("PROJECTIONS_")}
    assert found
    events = (FOLDER / "events.py").read_text(encoding="utf-8")
    others = {name for service in ours.values() for name in service["environment"]} - found
    assert [name for name in others if f'"{name}"' not in events] == []
    for name in found - known:
        assert name.removeprefix("PROJECTIONS_").partition("__")[0] in fields, name


def test_our_services_read_the_settings_and_the_secret_that_these_name(ours: Services) -> None:
    assert set(ours) == {"topics", "publisher", "worker"}
    for service in ours.values():
        mounted = {volume["target"]: volume["source"] for volume in service["volumes"]}
        assert mounted["/etc/projections/projections.yaml"] == str(SETTINGS)
        (secret,) = service["secrets"]  # /run/secrets/NAME where nothing else is said
        assert secret["source"] == Path(PASSWORD_FILE).name
        assert secret.get("target", PASSWORD_FILE) == PASSWORD_FILE


def test_the_settings_name_servers_that_are_services(
    settings: Settings, services: Services
) -> None:
    kafka = settings.source("main").kafka
    redis = settings.offsets.redis
    read_model = settings.projection("orders").read_model
    assert kafka
    assert redis
    assert read_model
    assert read_model.postgresql
    (broker,) = kafka.bootstrap_servers
    assert broker == "kafka:9092"
    advertised = services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert advertised == f"PLAINTEXT://{broker}"
    assert urlsplit(redis.url.get_secret_value()).hostname in services
    store = urlsplit(read_model.postgresql.url.get_secret_value())
    made = services[str(store.hostname)]["environment"]
    assert (store.username, store.path) == (made["POSTGRES_USER"], f"/{made['POSTGRES_DB']}")


def test_the_topic_that_is_made_and_filled_is_the_one_that_is_read(
    settings: Settings, ours: Services
) -> None:
    verb, name = ours["worker"]["command"]
    assert verb == "run"
    (topic,) = settings.projection(name).source.topics
    assert ours["topics"]["command"][:2] == ["publish", topic]
    assert f"projections publish {topic} " in ours["publisher"]["entrypoint"][-1]


def test_a_worker_is_given_the_time_that_it_takes_to_stop(
    settings: Settings, ours: Services
) -> None:
    drain = settings.projection("orders").drain_seconds
    grace = re.fullmatch(r"(\d+)s", ours["worker"]["stop_grace_period"])
    assert grace
    assert int(grace[1]) >= drain + 10


def test_prometheus_looks_where_the_workers_serve(settings: Settings, ours: Services) -> None:
    text = (FOLDER / "prometheus.yml").read_text(encoding="utf-8")
    assert settings.http
    assert f"port: {settings.http.port}\n" in text
    assert f":{settings.http.port}/readyz" in ours["worker"]["healthcheck"]["test"][-1]
    assert re.findall(r"names: \[(.*)\]", text) == ["worker"]


def test_prometheus_takes_its_configuration() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        assert os.environ.get("CI") != "true", "promtool is missing"
        pytest.skip("promtool is missing")
    done = subprocess.run(
        [promtool, "check", "config", FOLDER / "prometheus.yml"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_grafana_finds_prometheus_and_the_dashboard(services: Services) -> None:
    datasource = (FOLDER / "grafana/datasources/prometheus.yaml").read_text(encoding="utf-8")
    provider = (FOLDER / "grafana/dashboards/projections.yaml").read_text(encoding="utf-8")
    assert "url: http://prometheus:9090\n" in datasource
    assert "prometheus" in services
    grafana = services["grafana"]
    mounted = {volume["target"]: Path(volume["source"]) for volume in grafana["volumes"]}
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert mounted[home] == ROOT / "helm/projection-consumer/files/dashboard.json"
    assert f"path: {Path(home).parent}}}" in provider


def test_our_services_write_nowhere_and_may_nothing(ours: Services) -> None:
    for name, service in ours.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_whatever_ends_is_started_again(services: Services) -> None:
    policies = {name: service["restart"] for name, service in services.items()}
    assert policies.pop("topics") == "on-failure"  # it ends when it is done
    assert set(policies.values()) == {"unless-stopped"}


def test_the_page_kills_one_worker_by_its_name_for_compose_would_kill_all_of_them(
    model: dict[str, Any],
) -> None:
    page = (ROOT / "docs/compose.md").read_text(encoding="utf-8")
    killed = re.findall(r"^\$ docker (.*\bkill .*)$", page, re.MULTILINE)
    assert killed == [f"kill {model['name']}-worker-1"]


def test_who_waits_for_health_waits_for_a_service_that_tells_it(services: Services) -> None:
    for service in services.values():
        for name, dependency in service.get("depends_on", {}).items():
            if dependency["condition"] == "service_healthy":
                assert services[name]["healthcheck"]["test"], name
            else:
                assert services[name]["restart"] == "on-failure", name


def test_what_must_outlive_a_container_is_in_a_volume(model: dict[str, Any]) -> None:
    kept = {
        volume.get("source"): volume["target"]  # one without a name is lost with its container
        for service in model["services"].values()
        for volume in service.get("volumes", ())
        if volume["type"] == "volume"
    }
    assert set(kept) == set(model["volumes"])
    kafka = model["services"]["kafka"]["environment"]
    assert kept["kafka"] == kafka["KAFKA_LOG_DIRS"]
    assert (kept["redis"], kept["postgres"]) == ("/data", "/var/lib/postgresql")


def test_the_offsets_are_written_down_and_never_evicted(services: Services) -> None:
    command = " ".join(services["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_images_have_a_version_and_ports_are_this_machines_alone(services: Services) -> None:
    for name, service in services.items():
        if "build" not in service:
            assert re.search(r":v?\d", service["image"]), name
        for port in service.get("ports", ()):
            assert port["host_ip"] == "127.0.0.1", name
