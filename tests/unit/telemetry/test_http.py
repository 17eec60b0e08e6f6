"""The port where a worker is watched, with real sockets."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain
from prometheus_client.registry import Collector

from consumer.errors import Misconfigured, Transient
from consumer.model.facts import Joined
from consumer.telemetry.connections import Connections
from consumer.telemetry.counting import Counting
from consumer.telemetry.health import Health
from consumer.telemetry.http import Http, _Handler
from consumer.telemetry.metrics import ProjectionMetrics

ACCEPT_OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


class Site:
    """A served worker, and a client of it."""

    def __init__(self) -> None:
        self.metrics = ProjectionMetrics("shop")
        Counting(self.metrics, "orders")
        self.silence = 0.0
        self.trouble: Exception | None = None
        self.health = Health(60.0, draining=lambda: False)
        self.health.watch(lambda: self.silence, lambda: self.trouble)
        self.http = Http("127.0.0.1", 0, self.metrics.registry, self.health)

    def ask(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        client = http.client.HTTPConnection("127.0.0.1", self.http.port, timeout=10)
        with closing(client):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            client.request(method, path, headers=named)
            response = client.getresponse()
            return response, response.read()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.http.port), timeout=10)


PATIENCE = _Handler.timeout


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a silent client is hung up on for no other reason than the one under test."""
    monkeypatch.setattr(_Handler, "timeout", 60.0)


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.http.close()


def test_metrics_come_as_text_that_prometheus_reads(site: Site) -> None:
    response, body = site.ask("/metrics")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    assert "projection_operations" in {family.name for family in plain(body.decode())}


def test_metrics_come_as_openmetrics_when_asked(site: Site) -> None:
    response, body = site.ask("/metrics", Accept=ACCEPT_OPENMETRICS)
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    assert "projection_operations" in {family.name for family in openmetrics(body.decode())}


def test_who_asks_for_a_format_that_is_none_gets_text(site: Site) -> None:
    response, _ = site.ask("/metrics", Accept="application/openmetrics-text;version=abc")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain")


def test_metrics_are_compressed_for_who_takes_it(site: Site) -> None:
    response, body = site.ask("/metrics?debug", Accept_Encoding="gzip")
    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == site.ask("/metrics")[1]


def test_a_collector_that_fails_is_told_by_its_type_alone() -> None:
    class Failing(Collector):
        def collect(self) -> Iterator[object]:  # type: ignore[override]  # it yields nothing
            raise KeyError("a secret")

    registry = CollectorRegistry()
    registry.register(Failing())
    with serving("127.0.0.1", registry) as port:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        client.request("GET", "/metrics")
        response = client.getresponse()
        assert response.status == 500
        body = response.read()
        assert b"KeyError" in body
        assert b"a secret" not in body
        client.close()


def test_a_probe_answers_with_its_reason(site: Site) -> None:
    assert site.ask("/livez")[0].status == 200
    response, body = site.ask("/readyz")
    assert response.status == 503
    assert b"waiting to start" in body

    site.health.happened(Joined())
    response, body = site.ask("/readyz")
    assert response.status == 200
    assert b"joined" in body

    site.trouble = Transient("Redis is away")
    response, body = site.ask("/readyz")
    assert response.status == 503
    assert b"Redis is away" in body


def test_head_has_the_headers_alone(site: Site) -> None:
    for path in ("/metrics", "/livez", "/readyz", "/"):
        response, body = site.ask(path, "HEAD")
        expected, content = site.ask(path)
        assert (response.status, body) == (expected.status, b"")
        assert response.headers["Content-Length"] == str(len(content))


def test_head_sends_nothing_behind_its_headers(site: Site) -> None:
    connection = site.connect()
    connection.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
    with connection, connection.makefile("rb") as answer:
        assert answer.read().endswith(b"\r\n\r\n")


def test_the_root_is_an_index_and_what_is_not_there_says_what_is(site: Site) -> None:
    assert site.ask("/")[0].status == 200
    response, body = site.ask("/health")
    assert response.status == 404
    for path in (b"/metrics", b"/livez", b"/readyz"):
        assert path in body
        assert path in site.ask("/")[1]


def test_nothing_can_be_written(site: Site) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        response, _ = site.ask("/metrics", method)
        assert response.status == 405
        assert response.headers["Allow"] == "GET, HEAD"


def test_nothing_is_logged_about_who_looks(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    site.ask("/metrics")
    site.ask("/nothing")
    rude = site.connect()
    rude.sendall(b"GET /metrics HTTP/1.1\r\n")
    rude.close()
    nonsense = site.connect()
    nonsense.sendall(b"\x16\x03\x01 what\r\n\r\n")
    assert nonsense.recv(100)
    nonsense.close()
    assert capfd.readouterr() == ("", "")


def test_a_taken_port_names_the_setting(site: Site) -> None:
    with pytest.raises(Misconfigured, match=rf"http\.port is {site.http.port}, which is taken"):
        Http("127.0.0.1", site.http.port, CollectorRegistry(), site.health)


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1", "a" * 300, "1:2:3"])
def test_a_bad_host_names_the_setting(host: str) -> None:
    with pytest.raises(Misconfigured, match=r"http\.host is"), serving(host):
        pass


@contextmanager
def serving(host: str, registry: CollectorRegistry | None = None) -> Iterator[int]:
    health = Health(60.0, draining=lambda: False)
    server = Http(host, 0, registry or CollectorRegistry(), health)
    try:
        yield server.port
    finally:
        server.close()


def status_of(address: str, port: int) -> int:
    with closing(http.client.HTTPConnection(address, port, timeout=10)) as client:
        client.request("GET", "/livez")
        return client.getresponse().status


def test_it_listens_on_ipv6_too() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with serving("::1") as port:
        assert status_of("::1", port) == 200
    with serving("::") as port:
        assert (status_of("::1", port), status_of("127.0.0.1", port)) == (200, 200)


def test_closing_frees_the_port_and_hangs_up() -> None:
    site = Site()
    silent = site.connect()
    site.ask("/livez")  # so that the silent one was accepted before
    site.http.close()
    site.http.close()
    assert silent.recv(1) == b""
    silent.close()
    again = Http("127.0.0.1", site.http.port, CollectorRegistry(), site.health)
    again.close()


def test_clients_that_never_send_keep_nobody_waiting_and_few_threads(site: Site) -> None:
    before = threading.active_count()
    silent = [site.connect() for _ in range(200)]
    assert site.ask("/livez")[0].status == 200
    for connection in silent[:100]:
        assert connection.recv(1) == b""  # the oldest made room
    assert threading.active_count() - before < 100
    for connection in silent:
        connection.close()


def test_a_huge_header_is_refused_and_the_next_is_answered(site: Site) -> None:
    for request in (b"GET /" + b"x" * 70_000, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200):
        huge = site.connect()
        huge.sendall(request + b"\r\n\r\n")
        assert huge.recv(12)[:10] == b"HTTP/1.0 4"
        huge.close()
    assert site.ask("/livez")[0].status == 200


def test_a_client_that_keeps_silent_is_hung_up_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Handler, "timeout", PATIENCE / 100)
    silent = site.connect()
    assert silent.recv(1) == b""
    silent.close()


def test_a_client_that_sends_a_byte_now_and_then_is_hung_up_on_too(site: Site) -> None:
    site.http._server.connections = Connections(longest=0.0)
    dripping = site.connect()
    dripping.sendall(b"G")
    assert dripping.recv(1) == b""
    dripping.close()


def test_connections_that_ended_by_themselves_are_forgotten(site: Site) -> None:
    for _ in range(5):
        site.ask("/livez")
    server = site.http._server
    assert eventually(lambda: not server.connections._open)


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair()


def test_connections_that_are_open_for_too_long_end() -> None:
    ours, theirs = pair()
    connections = Connections(longest=-1.0)
    connections.add(ours)
    connections.end_old()
    assert theirs.recv(1) == b""
    ours.close()
    theirs.close()


def test_connections_that_are_young_stay() -> None:
    ours, theirs = pair()
    connections = Connections(longest=1000.0)
    connections.add(ours)
    connections.end_old()
    ours.sendall(b"x")
    assert theirs.recv(1) == b"x"
    connections.remove(ours)
    connections.remove(ours)
    ours.close()
    theirs.close()
