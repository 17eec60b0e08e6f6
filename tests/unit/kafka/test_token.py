"""Tokens of a user's own function: what is taken, what is told, and what the client is given."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from consumer.adapters.kafka.config import consumer_config, problems
from consumer.adapters.kafka.token import Refreshing, TokenFunction
from consumer.errors import Misconfigured, SourceFailed

SECRET = "s3cret-token"
OK = {"bootstrap.servers": "localhost:9092", "security.protocol": "SASL_PLAINTEXT"}
OAUTH = {**OK, "sasl.mechanism": "OAUTHBEARER"}


def named(function: Callable[[], object]) -> TokenFunction:
    return TokenFunction("shop.tokens:token", function)


def soon() -> float:
    return time.time() + 60


class Answers:
    """Returns, or raises, one after the other."""

    def __init__(self, *them: object) -> None:
        self.left = list(them)

    def __call__(self) -> object:
        answer = self.left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize("more", [(), ("principal",), ("principal", {"logicalCluster": "lkc-1"})])
def test_a_token_is_taken_with_all_that_the_client_takes(more: tuple[Any, ...]) -> None:
    expires = soon()
    assert named(lambda: [SECRET, expires, *more]).fetch() == (SECRET, expires, *more)


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (SECRET, "something of type str"),
        (None, "something of type NoneType"),
        ((SECRET,), "1 values"),
        ((SECRET.encode(), 1e10), "no text"),
        (("", 1e10), "an empty text"),
        ((SECRET, "tomorrow"), "a time of type str"),
        ((SECRET, True), "a time of type bool"),
        ((SECRET, 1), "a token that has expired"),
        ((SECRET, time.time() * 1000), "a time that is not in seconds"),
    ],
)
def test_what_is_no_token_is_told_and_not_quoted(returned: object, told: str) -> None:
    with pytest.raises(Misconfigured, match=f"shop.tokens:token returned {told}") as raised:
        named(lambda: returned).fetch()
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("cause", [OSError(SECRET), SystemExit(SECRET)])
def test_what_the_function_raises_is_an_outage_told_by_its_type(cause: BaseException) -> None:
    def token() -> object:
        raise cause

    with pytest.raises(SourceFailed, match=rf"raised {type(cause).__name__} at .*token") as raised:
        named(token).fetch()
    assert SECRET not in str(raised.value)


def test_a_function_that_never_returns_is_an_outage_that_names_the_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("consumer.adapters.kafka.token._LONGEST_CALL", 0.01)
    done = Event()
    with pytest.raises(SourceFailed, match=r"shop.tokens:token did not return .*`token`"):
        named(lambda: done.wait(5)).fetch()
    done.set()


def test_a_time_out_that_the_function_itself_raises_is_told_as_what_it_raised() -> None:
    with pytest.raises(SourceFailed, match="raised TimeoutError"):
        named(Answers(TimeoutError("away"))).fetch()


def test_a_function_that_says_it_is_misconfigured_is_believed() -> None:
    with pytest.raises(Misconfigured, match="no role"):
        named(Answers(Misconfigured("no role"))).fetch()


def test_the_first_token_is_asked_for_once_and_then_anew() -> None:
    first, second = (SECRET, soon()), ("second", soon())
    client = Refreshing(named(Answers(first, second)))

    assert client("") == first
    assert client("") == second


def test_a_first_token_that_expired_before_it_was_used_is_not_used() -> None:
    answers = Answers((SECRET, time.time() + 0.01), ("second", soon()))
    client = Refreshing(named(answers))
    while answers.left and client._token[1] > time.time():
        time.sleep(0.001)

    assert client("")[0] == "second"


@pytest.mark.parametrize("answer", [OSError("away"), "nonsense"])
def test_a_refresh_that_fails_keeps_the_token_and_is_tried_again_soon(
    answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    client = Refreshing(named(Answers((SECRET, soon(), "me"), answer, ("third", soon()))))
    client("")

    kept, again, principal = client("")

    assert (kept, principal) == (SECRET, "me")
    assert time.time() < again < time.time() + 11
    assert "goes on with the token that it has" in caplog.text
    assert SECRET not in caplog.text
    assert client("")[0] == "third"


def test_the_function_is_asked_when_a_client_is_made_and_not_when_settings_are_looked_at() -> None:
    answers = Answers((SECRET, soon()), ("second", soon()))
    given = {**OAUTH, "oauth_cb": named(answers)}
    assert problems(given) == []
    assert len(answers.left) == 2

    made = consumer_config(given, group="g")

    assert made["oauth_cb"]("")[0] == SECRET


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (OAUTH, "token: missing; OAUTHBEARER needs it"),
        ({**OK, "oauth_cb": named(list)}, "token: it is for sasl.mechanism: OAUTHBEARER alone"),
        (
            {
                **OAUTH,
                "oauth_cb": named(list),
                "sasl.oauthbearer.method": "oidc",
                "sasl.oauthbearer.client.id": "me",
                "sasl.oauthbearer.client.secret": SECRET,
                "sasl.oauthbearer.token.endpoint.url": "https://issuer.example.com",
            },
            "token: tokens come from it, or with sasl.oauthbearer.method: oidc, not both",
        ),
        ({**OK, "oauth_cb": "shop.tokens:token"}, "oauth_cb: it is ours, set `token`"),
    ],
)
def test_tokens_come_from_one_place(given: dict[str, Any], told: str) -> None:
    (problem,) = [each for each in problems(given) if "security.protocol" not in each]
    assert problem.startswith(told)
