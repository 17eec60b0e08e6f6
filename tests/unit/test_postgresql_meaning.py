"""What PostgreSQL's errors mean, what its URL may say, and that no password is told."""

from __future__ import annotations

import subprocess
import sys
import traceback

import psycopg
import pytest
from psycopg.errors import lookup

from consumer.adapters.postgresql.connection import Database
from consumer.adapters.postgresql.meaning import meant, wants_new_session
from consumer.adapters.postgresql.url import understood
from consumer.errors import Conflict, Misconfigured, Transient


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("40001", Conflict),  # serialization failure
        ("40P01", Conflict),  # deadlock
        ("40003", Transient),  # nobody knows how it ended
        ("08006", Transient),
        ("53300", Transient),  # too many connections
        ("53100", Transient),  # disk full
        ("55P03", Transient),  # lock not available
        ("57014", Transient),  # a statement's time-out
        ("57P01", Transient),  # shut down
        ("57P03", Transient),  # starting up
        ("25006", Transient),  # a standby
        ("25P03", Transient),  # idle in a transaction
        ("28P01", Misconfigured),
        ("3D000", Misconfigured),
        ("42501", Misconfigured),
        ("42P01", Misconfigured),
        ("26000", Misconfigured),
        ("42P05", Misconfigured),
    ],
)
def test_the_branch_of_an_error_is_the_reaction(state, kind):
    assert type(meant(lookup(state)("why"))) is kind


@pytest.mark.parametrize("state", ["22P02", "23505", "23502", "25P02", "P0001"])
def test_what_is_about_the_data_passes_as_it_is(state):
    cause = lookup(state)("why")
    assert meant(cause) is cause


def test_the_clients_own_errors_are_an_outage_or_about_the_data():
    assert type(meant(psycopg.OperationalError("the connection is lost"))) is Transient
    assert type(meant(psycopg.InterfaceError("the connection is closed"))) is Transient
    for cause in (psycopg.DataError("no NUL"), psycopg.ProgrammingError("2 placeholders, 1 value")):
        assert meant(cause) is cause


def test_an_error_without_a_word_is_told_too():
    assert "no reason given" in str(meant(psycopg.OperationalError("")))


def test_a_session_of_somebody_else_names_the_setting():
    for state in ("26000", "42P05"):
        assert "pooled: true" in str(meant(lookup(state)("prepared statement")))
        assert wants_new_session(lookup(state)("prepared statement"))


def test_a_table_that_was_altered_under_a_statement_is_asked_for_anew():
    cause = lookup("0A000")("cached plan must not change result type")
    assert type(meant(cause)) is Transient
    assert wants_new_session(cause)
    other = lookup("0A000")("this is not implemented")
    assert meant(other) is other


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:s3cr@et@host/shop",
        "postgresql://user:s3cr/et@host/shop",
        "postgresql://user:s3@@cret@host/shop",
        "postgresql://user:s3@/cret@host/shop",
        "postgresql://user:s3cr%et@host/shop",
        "postgresql://user:s3cr et@host/shop",
        "postgresql://user:s3cret@host:port/shop",
        "postgresql://user:s3cret@[::1/shop",
        "postgresql://user:s3cret@host/shop?passwrd=s3cret",
    ],
)
def test_a_url_that_cannot_be_one_is_refused_and_not_quoted(url):
    with pytest.raises(Misconfigured, match="the url of PostgreSQL cannot be read") as raised:
        Database(url)
    told = "".join(traceback.format_exception_only(raised.value))
    for part in ("s3cr", "et@", "passwrd"):
        assert part not in told
    assert raised.value.__context__ is None or raised.value.__suppress_context__


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///shop?host=/var/run/postgresql",
        "postgresql://%2Fvar%2Frun%2Fpostgresql/shop",
        "postgresql://one:5432,two:5433/shop?target_session_attrs=read-write",
        "postgresql://user:p%40ss%2Fw@host.example.com/shop?sslmode=verify-full&sslrootcert=ca.pem",
        "postgres://[::1]:5432/",
        "postgresql://",
    ],
)
def test_a_url_may_name_sockets_several_hosts_and_options(url):
    assert understood(url) is not None


@pytest.mark.parametrize("password", ["s3cr:et", "s3cr#et", "s3cr?et"])
def test_what_libpq_takes_in_a_password_is_taken(password):
    assert understood(f"postgresql://user:{password}@host/shop")["password"] == password


def test_without_psycopg_it_says_what_to_install():
    program = (
        "import sys\n"
        "sys.modules['psycopg'] = None\n"
        "from consumer.errors import Misconfigured\n"
        "try:\n"
        "    import consumer.adapters.postgresql.connection\n"
        "except Misconfigured as cause:\n"
        "    print(cause)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "pip install 'projection-consumer[postgres]'" in done.stdout, done.stderr
