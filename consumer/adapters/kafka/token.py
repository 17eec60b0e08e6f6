"""Tokens of a user's own function, for SASL/OAUTHBEARER, and how the client is given them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from threading import Thread
from typing import Any, TypeAlias

from consumer.errors import Misconfigured, SourceFailed
from consumer.model.causes import told

#: As confluent-kafka's `oauth_cb` returns it: the token, when it expires, and perhaps a principal and
#: the extensions of SASL.
Token: TypeAlias = (
    tuple[str, float] | tuple[str, float, str] | tuple[str, float, str, Mapping[str, str]]
)

_LOGGER = logging.getLogger(__name__)

#: How long the function may take: a client's own time to connect, for nothing else happens meanwhile.
_LONGEST_CALL = 10.0

#: In how many seconds the function is asked again when it failed; the client asks a fifth earlier.
_AGAIN_SECONDS = 10.0
#: No token lives so long. One that seems to has its time in milliseconds.
_LONGEST_LIFE = 10 * 365 * 86_400.0

#: What the function may raise. A module that ends the process would end ours without a word.
_RAISED = (Exception, SystemExit)


class TokenFunction:
    """The user's function under its name. It is called on threads of its own, perhaps on several at once."""

    def __init__(self, name: str, function: Callable[[], object]) -> None:
        self._name = name
        self._function = function

    def fetch(self) -> Token:
        """A token that has not expired. `SourceFailed` where the function raises, or does not return within
        10 s, for it may do better later, and `Misconfigured` where it raises that, or what it returns is no such thing.
        """
        answer = self._called()
        wait([answer], _LONGEST_CALL)
        if not answer.done():
            raise SourceFailed(
                f"the token function {self._name} did not return within {_LONGEST_CALL:g} s: give what it "
                "asks a time-out, or name another in `token`"
            )
        try:
            returned = answer.result()
        except Misconfigured:
            raise
        except _RAISED as cause:
            raise SourceFailed(f"the token function {self._name} raised {told(cause)}") from None
        if (wrong := _wrong(returned)) is not None:
            raise Misconfigured(
                f"the token function {self._name} returned {wrong}; it must return a token and when "
                "it expires, in seconds since 1970: (token, expires)"
            )
        token: Any = returned
        return (str(token[0]), float(token[1]), *token[2:])

    def _called(self) -> Future[object]:
        """What comes of a call. Its thread ends with the process, should it never return."""
        answer: Future[object] = Future()

        def call() -> None:
            try:
                answer.set_result(self._function())
            except BaseException as cause:  # whoever waits raises it
                answer.set_exception(cause)

        Thread(target=call, name=f"token-{self._name}", daemon=True).start()
        return answer


class Refreshing:
    """One client's `oauth_cb`. It never raises, for the client then waits 10 s and says not why.

    A refresh that fails keeps the token that there is, and is tried again in some seconds: the brokers say
    how long a token is good, and a client that they refuse is opened again, which tells what is wrong.
    """

    def __init__(self, function: TokenFunction) -> None:
        self._function = function
        self._token = function.fetch()
        self._is_first = True

    def __call__(self, _config: str) -> Token:
        """The token for the next connections."""
        if self._is_first and self._token[1] > time.time():
            self._is_first = False
            return self._token
        try:
            self._token = self._function.fetch()
        except (SourceFailed, Misconfigured) as cause:
            _LOGGER.warning("the Kafka client goes on with the token that it has: %s", cause)
            text, _, *rest = self._token
            return (text, time.time() + _AGAIN_SECONDS, *rest)
        return self._token


def _wrong(returned: object) -> str | None:
    """What is wrong with it as a token, without quoting it; None if nothing is."""
    if not isinstance(returned, tuple | list):
        return f"something of type {type(returned).__name__}"
    if not 2 <= len(returned) <= 4:  # noqa: PLR2004  as many as oauth_cb takes
        return f"{len(returned)} values"
    token, expires, *_ = returned
    if not isinstance(token, str) or not token:
        return "no text" if token else "an empty text"
    if isinstance(expires, bool) or not isinstance(expires, int | float):
        return f"a time of type {type(expires).__name__}"
    left = expires - time.time()
    if left > _LONGEST_LIFE:
        return "a time that is not in seconds"
    return None if left > 0 else "a token that has expired"
