"""The registry's client against a real HTTP server: what it keeps, and what each failure is."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from consumer.adapters.codecs.registry.client import Registry
from consumer.adapters.codecs.registry.registered import Unregistered
from consumer.embedded.process import free_port
from consumer.errors import Transient
from consumer.settings.schema_registry import SchemaRegistrySettings
from tests.secured import Certificates
from tests.stub_registry import StubRegistry

SECRET = "s3cret-4111"


@pytest.fixture
def stub() -> Iterator[StubRegistry]:
    with StubRegistry().served() as served:
        yield served


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def registry(stub: StubRegistry, **more: Any) -> Registry:
    settings = SchemaRegistrySettings.model_validate({"url": stub.url, **more})
    return Registry(settings.url, lambda: settings.properties)


def failure(client: Registry, schema_id: int | str = 1) -> str:
    """The one line that stands in the log and in the checkpoint's record."""
    with pytest.raises(Transient) as raised:
        client.schema(schema_id)
    line = str(raised.value)
    assert "\n" not in line
    assert SECRET not in line
    wanted = f"schema {schema_id} is wanted, and "
    assert line.startswith(wanted)
    return line.removeprefix(wanted)


def test_a_schema_comes_with_all_that_it_refers_to(stub: StubRegistry) -> None:
    stub.register("money-value", "first", type="PROTOBUF")
    stub.register("money-value", "second", type="PROTOBUF")
    stub.register("line-value", "line", ("money.proto", "money-value", 2), type="PROTOBUF")
    number = stub.register(
        "order-value",
        "order",
        ("line.proto", "line-value", 1),
        ("money.proto", "money-value", 2),
        type="PROTOBUF",
    )
    schema = registry(stub).schema(number)
    assert (schema.title, schema.type, schema.text) == (f"schema {number}", "PROTOBUF", "order")
    every = schema.every_reference()
    assert {name: each.text for name, each in every.items()} == {
        "money.proto": "second",
        "line.proto": "line",
    }
    assert list(every) == ["money.proto", "line.proto"]


def test_a_schema_without_a_type_is_avro_and_a_guid_finds_it_too(stub: StubRegistry) -> None:
    number = stub.register("a", "long")
    client = registry(stub)
    assert client.schema(stub.guid(number)).text == client.schema(number).text == "long"
    assert client.schema(number).type == "AVRO"


def test_what_it_was_told_survives_an_outage_and_what_is_unknown_is_asked_again_a_second_later(
    stub: StubRegistry,
) -> None:
    number = stub.register("a", "long")
    client = registry(stub)
    client.schema(number)
    for later in (False, False, True):
        if later:
            client._unknown.clear()  # what waiting would do
        with pytest.raises(Unregistered, match=f"{stub.url} knows no schema 9"):
            client.schema(9)
    assert stub.asked == ["/schemas/ids/1", "/schemas/ids/9", "/schemas/ids/9"]
    stub.answers = (503, {})
    assert client.schema(number).text == "long"
    failure(client, 2)


def test_a_reference_that_is_gone_is_no_outage(stub: StubRegistry) -> None:
    number = stub.register("a", "long", ("b", "b-value", 1))
    with pytest.raises(Unregistered, match="knows no schema 1, or not all that it refers to"):
        registry(stub).schema(number)


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (
            (401, {"error_code": 401, "message": SECRET}),
            "does not take our credentials (HTTP 401): mend",
        ),
        (
            (403, {"error_code": 40301, "message": SECRET}),
            "forbids us to read schemas (HTTP 403): let",
        ),
        ((429, {"error_code": 42901, "message": SECRET}), "is asked too often (HTTP 429): raise"),
        ((500, {"error_code": 50001, "message": SECRET}), "answers HTTP 500: look at the registry"),
        ((503, SECRET.encode()), "answers HTTP 503: look at the registry"),
        (
            (404, {"error_code": 404, "message": SECRET}),
            "answers, and not as one does (HTTP 404): is",
        ),
        (
            (404, b"<html>nothing here"),
            "answers, and not as one does (HTTP 404): is",
        ),
        (
            (200, b"<html>welcome"),
            "gave no answer of one (JSONDecodeError): is it one",
        ),
        ((200, [SECRET]), "gave no answer of one"),
        ((200, {}), "gave no answer of one"),
        ((200, {"schema": 5}), "gave no answer of one"),
        ((200, {"schema": "x", "schemaType": 5}), "gave no answer of one"),
        ((302, b""), "answers HTTP 302: look at the registry"),
    ],
)
def test_every_failure_is_an_outage_told_in_one_line(
    stub: StubRegistry, answers: Any, why: str
) -> None:
    stub.register("a", "long")
    stub.answers = answers
    assert failure(registry(stub)).startswith(f"the schema registry {stub.url} {why}")


def test_nobody_there_is_an_outage() -> None:
    away = StubRegistry(free_port())
    line = failure(registry(away))
    assert line == (
        f"the schema registry {away.url} cannot be reached (Connection refused): is it up, and the url right?"
    )


def test_a_slow_registry_is_waited_for_a_few_seconds_and_an_outage_believed_as_long(
    stub: StubRegistry,
) -> None:
    number = stub.register("a", "long")
    stub.takes = 3.0
    client = registry(stub)
    began = time.monotonic()
    assert failure(client, number).startswith(
        f"the schema registry {stub.url} gave no answer in time"
    )
    took = time.monotonic() - began
    assert took < 8
    asked = len(stub.asked)
    failure(client, number)
    failure(client, 2)
    assert len(stub.asked) == asked
    stub.takes = 0.0
    client._outage = None  # what waiting would do
    assert client.schema(number).text == "long"


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"])
def test_who_answers_byte_by_byte_is_not_listened_to_for_ever(
    begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.adapters.codecs.registry.client._ALTOGETHER", 0.5)
    hung_up = threading.Event()

    def drip(server: socket.socket) -> None:
        asking, _ = server.accept()
        with asking, suppress(OSError):
            asking.sendall(begun)
            for _ in range(1000):
                asking.sendall(b"H")
                time.sleep(0.02)
            return
        hung_up.set()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drip, args=(server,), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        began = time.monotonic()
        line = failure(Registry(url, lambda: {"url": url}))
        assert line == (
            f"the schema registry {url} gave no answer in time: look at the registry, and at what lies between"
        )
        assert time.monotonic() - began < 5
        assert hung_up.wait(5)


def test_a_slow_registry_with_many_references_is_asked_on_from_where_it_came_to(
    stub: StubRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.adapters.codecs.registry.client._SCHEMA", 0.2)
    for each in "abcd":
        stub.register(each, each)
    number = stub.register("all", "all", *((each, each, 1) for each in "abcd"))
    stub.takes = 0.15
    client = registry(stub)
    line = failure(client, number)
    assert (
        line
        == f"the schema registry {stub.url} is slow, and schema 5 refers to many others: look at it"
    )
    for _ in range(2):
        with suppress(Transient):
            client._outage = None  # what waiting would do
            client.schema(number)
    assert [each.name for each in client.schema(number).references] == [*"abcd"]
    assert sum(path.startswith("/subjects") for path in stub.asked) == 4


def test_basic_authentication_takes_up_a_password_that_was_mended(
    stub: StubRegistry, tmp_path: Path
) -> None:
    number = stub.register("a", "long")
    stub.password = f"reader:{SECRET}:x"
    file = tmp_path / "password"
    file.write_text("old\n")
    client = registry(stub, username="reader", password_file=str(file))
    assert "does not take our credentials" in failure(client, number)
    file.write_text(f"{SECRET}:x\n")
    client._outage = None  # what waiting would do
    assert client.schema(number).text == "long"
    file.unlink()
    line = failure(client, 2)
    assert line == (
        f"the schema registry {stub.url} cannot be asked: cannot read {file}: No such file or directory"
    )


def test_a_token_is_shown_and_read_anew(stub: StubRegistry, tmp_path: Path) -> None:
    number = stub.register("a", "long")
    stub.token = SECRET
    file = tmp_path / "token"
    file.write_text(f"{SECRET}\n")
    client = registry(stub, token_file=str(file), logical_cluster="lsrc-1", identity_pool="pool-1")
    assert client.schema(number).text == "long"
    stub.token = "renewed"
    assert "mend the password, or the token" in failure(client, 2)
    assert registry(stub, token="renewed").schema(number).text == "long"


def test_tls_trusts_whom_it_is_told_to(certificates: Certificates) -> None:
    with StubRegistry().served(certificates.server) as stub:
        number = stub.register("a", "long")
        assert registry(stub, ca_file=str(certificates.ca)).schema(number).text == "long"
        line = failure(registry(stub, ca_file=str(certificates.other_ca)))
        assert line.startswith(f"the certificate of the schema registry {stub.url} is refused (")
        assert "ca_file must hold the authority that signed it" in line
        assert "is refused" in failure(registry(stub))


def test_a_certificate_of_another_host_is_refused(certificates: Certificates) -> None:
    with StubRegistry().served(certificates.misnamed_server) as stub:
        line = failure(registry(stub, ca_file=str(certificates.ca)))
    assert "is refused (IP address mismatch, certificate is not valid for '127.0.0.1'.)" in line


def test_a_registry_that_asks_for_a_certificate_gets_ours(certificates: Certificates) -> None:
    with StubRegistry().served(certificates.server, client_ca=str(certificates.ca)) as stub:
        number = stub.register("a", "long")
        ours = {
            "certificate_file": str(certificates.client.chain),
            "key_file": str(certificates.client.key),
        }
        client = registry(stub, ca_file=str(certificates.ca), **ours)
        assert client.schema(number).text == "long"
        assert "TLS with" in failure(registry(stub, ca_file=str(certificates.ca)))


def test_plaintext_on_the_port_of_tls_is_told(stub: StubRegistry) -> None:
    stub.scheme = "https"
    assert f"TLS with the schema registry {stub.url} fails (" in failure(registry(stub))


def test_reaching_asks_and_raises_the_same(stub: StubRegistry) -> None:
    client = registry(stub)
    client.reach()
    stub.answers = (401, {})
    with pytest.raises(Transient, match="does not take our credentials"):
        client.reach()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"url": "registry:8081"}, "must start with http:// or https://, and name a host"),
        ({"url": f"http://me:{SECRET}@registry"}, "must not hold credentials: set username"),
        ({"password": SECRET}, "has a password and no username"),
        ({"username": "me"}, "has a username and no password: set password_file"),
        (
            {"username": "me", "password": SECRET, "token": SECRET},
            "takes either a password or a token",
        ),
        ({"logical_cluster": "lsrc-1"}, "which go with a token, and none"),
        ({"key_file": __file__}, "has a key_file and no certificate_file"),
        ({"ca_file": __file__}, "has certificates, and its url says http://: make it https://"),
        (
            {"token": SECRET, "token_file": __file__},
            "takes either token or token_file, and has both",
        ),
        ({"password_file": "/nowhere"}, "cannot read /nowhere"),
        ({"username": "a:b", "password": SECRET}, "has a colon in its username"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError) as raised:
        SchemaRegistrySettings.model_validate({"url": "http://registry", **given})
    assert why in str(raised.value)
    assert SECRET not in str(raised.value)


def test_no_secret_is_shown_by_what_holds_it() -> None:
    settings = SchemaRegistrySettings.model_validate(
        {"url": "http://registry", "username": "me", "password": SECRET}
    )
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings.model_dump())
