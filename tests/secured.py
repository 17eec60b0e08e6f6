"""Servers secured as in production: certificates of an authority of our own, users, tokens."""

from __future__ import annotations

import base64
import datetime
import json
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
import redis
import trustme
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from consumer.embedded.kafka import Kafka
from consumer.embedded.process import HOST, free_port
from consumer.embedded.valkey import Valkey
from tests import servers

_YESTERDAY = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key, in files as OpenSSL's users have them."""

    chain: Path
    key: Path
    #: Both in one file, the key as PKCS 8, which is what Java takes.
    both: Path


class Certificates:
    """An authority in `folder`, and what it issues; another that nobody knows of."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self._other_ca = trustme.CA()
        #: The authority, to be trusted.
        self.ca = folder / "ca.pem"
        self.other_ca = folder / "other-ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca))
        self._other_ca.cert_pem.write_to_path(str(self.other_ca))
        self.server = self._issued("server", HOST, "localhost")
        self.expired_server = self._issued("expired-server", HOST, not_after=_YESTERDAY)
        self.misnamed_server = self._issued("misnamed-server", "kafka.example.com")
        self.client = self._issued("client", common_name="worker")
        self.expired_client = self._issued(
            "expired-client", common_name="worker", not_after=_YESTERDAY
        )

    def _issued(
        self,
        name: str,
        *hosts: str,
        common_name: str | None = None,
        not_after: datetime.datetime | None = None,
    ) -> Certificate:
        start = None if not_after is None else not_after - datetime.timedelta(days=30)
        issued = self._ca.issue_cert(
            *hosts or ["worker@example.com"],
            common_name=common_name,
            not_before=start,
            not_after=not_after,
            key_type=trustme.KeyType.RSA,
        )
        made = Certificate(
            *(self._folder / f"{name}{end}" for end in (".pem", ".key", "-both.pem"))
        )
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        key = serialization.load_pem_private_key(
            issued.private_key_pem.bytes(), None
        ).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        made.chain.write_bytes(chain)
        made.key.write_bytes(key)
        made.both.write_bytes(key + chain)
        return made


# --- tokens --------------------------------------------------------------------------------------


def _url_safe(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Issuer:
    """Gives tokens to who knows the client's secret, and shows the key that verifies them."""

    client: str = "issued"
    secret: str = "issuer-s3cret"
    seconds: float = 300.0
    port: int = field(default_factory=free_port)
    #: How many tokens were given away.
    given: int = 0
    _key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def token(self) -> tuple[str, float]:
        """A signed token for the client, and when it expires."""
        self.given += 1
        now = time.time()
        claims = {
            "iss": self.url,
            "sub": self.client,
            "aud": "kafka",
            "iat": int(now) - 1,
            "exp": int(now + self.seconds),
            "jti": secrets.token_hex(8),
        }
        header = {"alg": "RS256", "typ": "JWT", "kid": "first"}
        signed = ".".join(_url_safe(json.dumps(part).encode()) for part in (header, claims))
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_url_safe(signature)}", now + self.seconds

    @contextmanager
    def serving(self) -> Iterator[Issuer]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._say(200, issuer._jwks())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if not issuer._knows(self.headers.get("Authorization", ""), parse_qs(body)):
                    self._say(401, {"error": "invalid_client"})
                    return
                token, _ = issuer.token()
                self._say(
                    200,
                    {"access_token": token, "token_type": "Bearer", "expires_in": issuer.seconds},
                )

            def _say(self, status: int, content: Mapping[str, Any]) -> None:
                raw = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer((HOST, self.port), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, name="issuer")
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()

    def _knows(self, authorization: str, form: Mapping[str, list[str]]) -> bool:
        basic = base64.b64encode(f"{self.client}:{self.secret}".encode()).decode()
        in_form = [form.get(name) for name in ("client_id", "client_secret")]
        return authorization == f"Basic {basic}" or in_form == [[self.client], [self.secret]]

    def _jwks(self) -> Mapping[str, Any]:
        public = self._key.public_key().public_numbers()
        numbers = {
            name: _url_safe(value.to_bytes((value.bit_length() + 7) // 8))
            for name, value in (("n", public.n), ("e", public.e))
        }
        return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "first", **numbers}]}


# --- Kafka ---------------------------------------------------------------------------------------

_VALIDATOR = "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"
_LOGIN = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
_ALLOWED = "org.apache.kafka.sasl.oauthbearer.allowed.urls"
#: Kafka keeps no fewer.
_ITERATIONS = 4096
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass
class SecuredKafka:
    """One broker with a listener for each way in; `server.bootstrap` itself is open, for the test's own use."""

    server: Kafka
    certificates: Certificates
    issuer: Issuer
    ports: Mapping[str, int]
    password: str = "scram-s3cret"

    def at(self, listener: str) -> str:
        return f"{HOST}:{self.ports[listener]}"

    @cached_property
    def admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.server.bootstrap, "log_level": 0})

    def scram_user(self, name: str, password: str) -> None:
        """Makes the user, or gives it another password."""
        upsertion = UserScramCredentialUpsertion(
            name,
            ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS),
            password.encode(),
        )
        for answer in self.admin.alter_user_scram_credentials([upsertion]).values():
            answer.result(30)

    def allow(self, user: str, kind: str, name: str, *operations: str) -> None:
        """Lets the user do these to the topic or group of that name (`*`: of any), and to no other."""
        rules = [
            AclBinding(
                ResourceType[kind.upper()],
                name,
                ResourcePatternType.LITERAL,
                f"User:{user}",
                "*",
                AclOperation[operation.upper()],
                AclPermissionType.ALLOW,
            )
            for operation in operations
        ]
        for answer in self.admin.create_acls(rules).values():
            answer.result(30)

    def tool(self, name: str, *words: str) -> None:
        """Runs one of Kafka's own tools, on this broker."""
        given = list(words)
        given[given.index("--bootstrap-server") + 1] = self.server.bootstrap
        command = [*self.server._java, f"org.apache.kafka.tools.{name}", *given]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def lets_work(self, user: str, topic: str, group: str) -> None:
        """Lets the user be a worker of a projection, and publish to its topic."""
        self.allow(user, "topic", topic, "read", "write", "describe")
        self.allow(user, "group", group, "read")

    def scram(self, **changed: str) -> dict[str, str]:
        return self._config(
            "scram",
            {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": "worker",
                "sasl.password": self.password,
            },
            changed,
        )

    def mutual(self, **changed: str) -> dict[str, str]:
        mine = self.certificates.client
        return self._config(
            "mutual",
            {
                "security.protocol": "SSL",
                "ssl.certificate.location": str(mine.chain),
                "ssl.key.location": str(mine.key),
            },
            changed,
        )

    def token(self, **changed: str) -> dict[str, str]:
        return self._config(
            "token", {"security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER"}, changed
        )

    def oidc(self, **changed: str) -> dict[str, str]:
        ours = {
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.client.id": self.issuer.client,
            "sasl.oauthbearer.client.secret": self.issuer.secret,
            "sasl.oauthbearer.token.endpoint.url": f"{self.issuer.url}/token",
        }
        return {**self.token(), **ours, **_dotted(changed)}

    def _config(
        self, listener: str, config: Mapping[str, str], changed: Mapping[str, str]
    ) -> dict[str, str]:
        common = {
            "bootstrap.servers": self.at(listener),
            "ssl.ca.location": str(self.certificates.ca),
        }
        return {**common, **config, **_dotted(changed)}


def _dotted(names: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "."): value for name, value in names.items()}


@contextmanager
def secured_kafka(folder: Path) -> Iterator[SecuredKafka]:
    """The broker, with the user `worker`; who comes in by the open listener may do everything."""
    certificates = Certificates(folder)
    ports = {name: free_port() for name in _LISTENERS}
    with ExitStack() as stack:
        issuer = stack.enter_context(Issuer().serving())
        # The JVM reads its own options there too.
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("JAVA_TOOL_OPTIONS", f"-D{_ALLOWED}={issuer.url}/jwks")
        with servers._or_missing():
            server = Kafka()
        server._properties |= _properties(server, certificates, issuer, ports)
        stack.enter_context(server)
        secured = SecuredKafka(server, certificates, issuer, ports)
        secured.scram_user("worker", secured.password)
        yield secured


#: Each listener with its protocol, and the certificate that it shows.
_LISTENERS = {
    "scram": ("SASL_SSL", "server"),
    "mutual": ("SSL", "server"),
    "token": ("SASL_SSL", "server"),
    "expired": ("SSL", "expired_server"),
    "misnamed": ("SSL", "misnamed_server"),
}


def _properties(
    server: Kafka, certificates: Certificates, issuer: Issuer, ports: Mapping[str, int]
) -> dict[str, str]:
    listeners = ",".join(f"{name.upper()}://{HOST}:{port}" for name, port in ports.items())
    protocols = [f"{name.upper()}:{protocol}" for name, (protocol, _) in _LISTENERS.items()]
    controller = f"CONTROLLER://{HOST}:{server._controller_port}"
    properties = {
        "listeners": f"PLAINTEXT://{server.bootstrap},{controller},{listeners}",
        "advertised.listeners": f"PLAINTEXT://{server.bootstrap},{listeners}",
        "listener.security.protocol.map": ",".join(
            ["PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT", *protocols]
        ),
        "inter.broker.listener.name": "PLAINTEXT",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "ssl.principal.mapping.rules": "RULE:^.*CN=([a-z]+).*$/$1/,DEFAULT",
        "super.users": f"User:ANONYMOUS;User:worker;User:{issuer.client}",
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.scram.scram-sha-512.sasl.jaas.config": f"{_SCRAM} required;",
        "listener.name.token.sasl.enabled.mechanisms": "OAUTHBEARER",
        "listener.name.token.oauthbearer.sasl.jaas.config": f"{_LOGIN} required;",
        "listener.name.token.oauthbearer.sasl.server.callback.handler.class": _VALIDATOR,
        "listener.name.token.oauthbearer.sasl.oauthbearer.jwks.endpoint.url": f"{issuer.url}/jwks",
        "listener.name.token.oauthbearer.sasl.oauthbearer.expected.audience": "kafka",
        "listener.name.token.oauthbearer.sasl.oauthbearer.expected.issuer": issuer.url,
    }
    for name, (_, certificate) in _LISTENERS.items():
        shown: Certificate = getattr(certificates, certificate)
        properties |= {
            f"listener.name.{name}.ssl.{end}": value
            for end, value in {
                "keystore.type": "PEM",
                "keystore.location": str(shown.both),
                "truststore.type": "PEM",
                "truststore.location": str(certificates.ca),
            }.items()
        }
    return properties


# --- Redis ---------------------------------------------------------------------------------------


@dataclass
class SecuredRedis:
    """A Redis with a port for TLS; its plain port is the test's own, for what an operator does."""

    server: Valkey
    certificates: Certificates
    port: int

    @property
    def url(self) -> str:
        return f"rediss://{HOST}:{self.port}/0"

    def trusting(self, **options: object) -> str:
        """The url of a client that trusts the authority."""
        query = {"ssl_ca_certs": self.certificates.ca, **options}
        return f"{self.url}?{urlencode({name: str(value) for name, value in query.items()})}"

    def admin(self) -> Any:
        return redis.Redis(host=HOST, port=self.server.port, decode_responses=True)

    def shows(self, certificate: Certificate) -> None:
        """From now on the server shows this certificate."""
        with self.admin() as admin:
            both = str(certificate.both)
            admin.config_set("tls-key-file", both, "tls-cert-file", both)

    def asks_for_certificates(self, word: str) -> None:
        """`yes`, `no` or `optional`."""
        with self.admin() as admin:
            admin.config_set("tls-auth-clients", word)


@contextmanager
def secured_redis(folder: Path) -> Iterator[SecuredRedis]:
    certificates = Certificates(folder)
    port = free_port()
    options = ("--tls-port", str(port), "--tls-ca-cert-file", str(certificates.ca))
    shown = ("--tls-cert-file", str(certificates.server.both), "--tls-key-file")
    more = (str(certificates.server.both), "--tls-auth-clients", "no")
    with servers.valkey_process(
        servers.redis_70_binary(), options=(*options, *shown, *more)
    ) as server:
        yield SecuredRedis(server, certificates, port)
