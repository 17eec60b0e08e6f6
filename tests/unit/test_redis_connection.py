"""What a url may say, and which branch of the error tree each of redis-py's errors belongs to."""

from __future__ import annotations

import ssl
import traceback
from pathlib import Path
from typing import Any

import pytest
from redis import exceptions as refusal
from redis.sentinel import MasterNotFoundError, SentinelConnectionPool

from consumer.adapters.redis.connection import connect, reachable
from consumer.adapters.redis.tls import refusal as tls_refusal
from consumer.adapters.redis.url import understood
from consumer.errors import ConsumerError, Fenced, Misconfigured, Transient

IN_A_SCRIPT_OF_62 = (
    "Error running script (call to f_0a): @user_script:9: @user_script: 9: -OOM command not allowed"
)

#: Of nobody.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBcTCCARegAwIBAgIUJgS3RX0mpqmNBiWxIKdr2o2xOhowCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCY2EwIBcNMjYxMTIzMTcwMDQ5WhgPMjEyNjEwMzAxNzAwNDla
MA0xCzAJBgNVBAMMAmNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEgdaPIBo4
NakXHuBTP84jYzPCBlHvMLSD1CzwuacEPbPX0lPi5WzwPBCXfl5Mm6kraUHsXtD6
w8iqrqoRw5vYu6NTMFEwHQYDVR0OBBYEFJt0JPOTrBoNTw4yDxc96bcTQ11xMB8G
A1UdIwQYMBaAFJt0JPOTrBoNTw4yDxc96bcTQ11xMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDSAAwRQIgBBjyXhFkYINqGspuga7xdI7ul2KlI20fTgl+zGog
awoCIQDgu5o9If5TQHfPNVtXEf10Tn1eWEu0MniWyTkVR2CcWA==
-----END CERTIFICATE-----
"""


@pytest.mark.parametrize(
    "cause",
    [
        refusal.ConnectionError("Error 111 connecting to 127.0.0.1:1. Connection refused."),
        refusal.TimeoutError("Timeout reading from socket"),
        refusal.BusyLoadingError("Redis is loading the dataset in memory"),
        refusal.MaxConnectionsError("Too many connections"),
        refusal.ReadOnlyError("You can't write against a read only replica."),
        refusal.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
        refusal.ResponseError(IN_A_SCRIPT_OF_62),
        refusal.ResponseError("BUSY Redis is busy running a script."),
        refusal.ResponseError("MISCONF Errors writing to the AOF file: No space left on device"),
        refusal.ResponseError("NOREPLICAS Not enough good replicas to write."),
        refusal.ResponseError("UNBLOCKED force unblock from blocking operation"),
        refusal.TryAgainError("Multiple keys request during rehashing of slot"),
        refusal.ExecAbortError("Transaction discarded because of previous errors."),
        refusal.ClusterDownError("Hash slot not served"),
        refusal.MasterDownError("Link with MASTER is down"),
        refusal.ClusterError("TTL exhausted."),
        refusal.SlotNotCoveredError('Slot "1" is not covered by the cluster.'),
        refusal.RedisClusterException("All slots are not covered after query all startup_nodes."),
        ConnectionResetError(104, "Connection reset by peer"),
        TimeoutError("timed out"),
    ],
    ids=lambda cause: f"{type(cause).__name__} {cause}"[:50],
)
def test_what_passes_by_itself_is_transient(cause: Exception) -> None:
    with pytest.raises(Transient, match="commit orders") as raised, reachable("commit orders"):
        raise cause

    assert raised.value.__cause__ is cause


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        (refusal.ConnectionError("Error 111."), "Redis is out of reach, so it cannot commit: "),
        (refusal.BusyLoadingError("It is loading"), "Redis is not ready to commit: It is loading"),
    ],
)
def test_a_server_that_is_out_of_reach_is_told_from_one_that_is_not_ready(
    cause: Exception, told: str
) -> None:
    with pytest.raises(Transient, match=told), reachable("commit"):
        raise cause


@pytest.mark.parametrize(
    "cause",
    [
        refusal.AuthenticationError("invalid username-password pair or user is disabled."),
        refusal.AuthorizationError("not you"),
        refusal.AuthenticationWrongNumberOfArgsError("wrong number of arguments"),
        refusal.NoPermissionError("User worker has no permissions to run the 'evalsha' command"),
        refusal.MovedError("3999 127.0.0.1:6381"),
        refusal.AskError("3999 127.0.0.1:6381"),
        refusal.ClusterCrossSlotError("Keys in request don't hash to the same slot"),
        refusal.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"),
        refusal.ResponseError("unknown command 'EVALSHA'"),
        refusal.ResponseError("a key named -OOMPH is no reason to wait"),
        refusal.InvalidResponse("Protocol error, got 'H' as reply type byte"),
        refusal.RedisClusterException("Cluster mode is not enabled on this node"),
    ],
    ids=lambda cause: f"{type(cause).__name__} {cause}"[:50],
)
def test_what_needs_a_person_is_misconfigured(cause: Exception) -> None:
    with pytest.raises(Misconfigured, match="commit orders"), reachable("commit orders"):
        raise cause


def test_a_cluster_that_answers_no_node_is_judged_by_what_its_client_met() -> None:
    for met, branch in [
        (refusal.AuthenticationError("no"), Misconfigured),
        (refusal.TimeoutError("slow"), Transient),
    ]:
        with pytest.raises(branch), reachable("be a cluster"):
            raise refusal.RedisClusterException("Redis Cluster cannot be connected") from met


def test_sentinels_that_know_no_master_are_waited_out_and_their_passwords_not_told() -> None:
    said = "No master found for 'main' : <redis.client.Redis(host=one,password=s3cret)>"
    with pytest.raises(Transient, match="sentinel") as raised, reachable("commit orders"):
        raise MasterNotFoundError(said)

    assert "s3cret" not in str(raised.value)
    assert raised.value.__suppress_context__
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("said", "told", "branch"),
    [
        (
            "unknown command 'AUTH', with args beginning with: 'bob' 's3cret' ",
            "unknown command 'AUTH'",
            Misconfigured,
        ),
        (
            "Command # 1 (XADD t:0 * data s3cret) of pipeline caused error: MISCONF no space",
            ": MISCONF no space",
            Transient,
        ),
    ],
)
def test_what_redis_py_and_redis_quote_of_a_command_is_not_told(
    said: str, told: str, branch: type[ConsumerError]
) -> None:
    met = refusal.ResponseError(said)
    with pytest.raises(branch) as raised, reachable("commit orders"):
        raise met
    assert told in str(raised.value)
    with pytest.raises(branch) as wrapped, reachable("commit orders"):
        raise refusal.RedisClusterException(f"cannot be connected: {said}") from met

    for error in (raised.value, wrapped.value):
        assert "s3cret" not in "".join(traceback.format_exception(error))


def test_our_own_errors_and_mistakes_pass_as_they_are() -> None:
    for own in (Fenced("gone"), KeyError("mistake")):
        with pytest.raises(type(own)) as raised, reachable("commit"):
            raise own
        assert raised.value is own


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "http://user:s3cret@localhost",
        "redis://user:s3cret/word@localhost:6379",
        "redis://user:s3cret@localhost:port",
        "redis://user:s3cret@localhost:99999999",
        "redis://user:s3cret@[::1",
        "redis://user:s3cret@one:6379,two:6379",
        "redis://user:s3cret@localhost/0?socket_timeout=soon",
        "redis://user:s3cret@localhost/0?sokket_timeout=1",
        "redis://localhost/0?password=s3cret&decode_responses=yes",
        "redis://localhost/0?password=s3cret&protocol=3",
        # The host is "user" here, and what is left of the password an option or a fragment.
        "redis://user:1?s3cret@localhost:6379/0",
        "redis://user:1#s3cret@localhost:6379/0",
    ],
)
def test_a_url_that_cannot_work_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        connect(url)

    assert "url" in str(raised.value)
    assert "s3cret" not in str(raised.value)
    # Nor does a traceback tell what the parser quoted.
    assert raised.value.__context__ is None or raised.value.__suppress_context__
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("how", [{}, {"cluster": True}, {"sentinel": "main"}])
@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("rediss://localhost:1?ssl_cert_reqs=none", "ssl_cert_reqs: TLS without it"),
        ("rediss://localhost:1?ssl_check_hostname=false", "ssl_check_hostname: TLS without it"),
        ("rediss://localhost:1?ssl_ca_certs=/nope", "ssl_ca_certs"),
        ("rediss://localhost:1?ssl_certfile=/nope&ssl_keyfile=/nope", "ssl_certfile"),
        ("rediss://localhost:1?ssl_ca_certs=NOTHING", "TLS"),
        ("rediss://localhost:1?ssl_ciphers=bogus", "TLS"),
        ("rediss://localhost:1?ssl_min_version=5", "TLS"),
        ("redis://localhost:1?ssl_ca_certs=NOTHING", "ssl_ca_certs"),
        ("redis://localhost:1?socket_timeout=-1", "socket_timeout"),
        ("redis://localhost:1?socket_timeout=nan", "socket_timeout"),
        ("redis://localhost:1?socket_connect_timeout=0", "socket_connect_timeout"),
        ("redis://localhost:1?credential_provider=x", "credential_provider"),
        ("redis://localhost:1?max_connections=1", "max_connections"),
        ("redis://localhost:1?retry=5", "retry"),
        ("redis://localhost:1?retry=", "retry"),
    ],
)
def test_an_option_that_cannot_work_is_refused_by_its_name_before_anything_is_contacted(
    url: str, named: str, how: dict[str, Any], tmp_path: Path
) -> None:
    nothing = tmp_path / "nothing.pem"
    nothing.touch()
    with pytest.raises(Misconfigured, match=named):
        connect(url.replace("NOTHING", str(nothing)), **how)


@pytest.mark.parametrize("how", [{"cluster": True, "sentinel": "main"}, {"cluster": True}])
def test_a_cluster_behind_sentinels_or_with_a_database_is_refused(how: dict[str, object]) -> None:
    with pytest.raises(Misconfigured):
        connect("redis://localhost:1/3", **how)  # type: ignore[arg-type]


def options(client: object) -> dict[str, object]:
    return client.connection_pool.connection_kwargs  # type: ignore[attr-defined, no-any-return]


def test_what_a_url_says_arrives_and_the_options_win() -> None:
    url = "redis://user:from%2Furl@host:6390/7?socket_timeout=5&client_name=me"
    plain = options(connect(url))
    given = options(connect(url, username="other", password="given"))

    assert (plain["host"], plain["port"], plain["db"]) == ("host", 6390, 7)
    assert (plain["username"], plain["password"]) == ("user", "from/url")
    assert (plain["socket_timeout"], plain["client_name"]) == (5.0, "me")
    assert (given["username"], given["password"]) == ("other", "given")
    assert plain["protocol"] == 2


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A file with the certificate of an authority."""
    file = tmp_path / "ca.pem"
    file.write_text(CERTIFICATE)
    return file


def test_tls_and_unix_sockets_pass_through(authority: Path) -> None:
    tls = connect(f"rediss://host:6390/0?ssl_ca_certs={authority}&ssl_min_version=771")
    socket = connect("unix:///run/redis.sock?db=1")

    assert tls.connection_pool.connection_class.__name__ == "SSLConnection"  # type: ignore[union-attr]
    assert options(tls)["ssl_ca_certs"] == str(authority)
    assert (options(socket)["path"], options(socket)["db"]) == ("/run/redis.sock", 1)


def test_sentinels_have_credentials_of_their_own(authority: Path) -> None:
    client = connect(
        f"rediss://guard:theirs@one,two:26380/3?ssl_ca_certs={authority}",
        sentinel="main",
        username="worker",
        password="ours",
    )
    pool = client.connection_pool  # type: ignore[union-attr]
    assert isinstance(pool, SentinelConnectionPool)
    assert pool.service_name == "main"
    assert (options(client)["username"], options(client)["password"]) == ("worker", "ours")
    assert options(client)["db"] == 3
    for sentinel, address in zip(
        pool.sentinel_manager.sentinels, [("one", 26379), ("two", 26380)], strict=True
    ):
        own = options(sentinel)
        assert (own["host"], own["port"]) == address
        assert (own["username"], own["password"]) == ("guard", "theirs")
        assert own["ssl_ca_certs"] == str(authority)
        assert "db" not in own or own["db"] == 0


def test_every_error_of_a_call_that_never_reached_a_server_is_ours() -> None:
    client = connect("redis://127.0.0.1:1/0")

    with pytest.raises(ConsumerError), reachable("answer"):
        client.ping()


def test_a_certificate_that_is_not_in_force_yet_points_to_the_clocks() -> None:
    cause = ssl.SSLCertVerificationError()
    cause.verify_code, cause.verify_message = 9, "certificate is not yet valid"
    told = tls_refusal(cause)
    assert told is not None
    assert "not valid yet: look at the clocks" in told


@pytest.mark.parametrize("secret", ["p@ss/word", "a/b", "a?b", "a#b"])
def test_a_password_with_a_letter_that_splits_a_url_is_refused_and_never_quoted(
    secret: str,
) -> None:
    with pytest.raises(Misconfigured, match="%XX") as raised:
        understood(f"redis://:{secret}@127.0.0.1:6379/0", default_port=6379)
    assert not {secret, "ss", "word", "ss/word"} & set(str(raised.value).split())
