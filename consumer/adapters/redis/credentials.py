"""Passwords that may rotate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from redis.credentials import CredentialProvider


class Rotating(CredentialProvider):
    """Reads the password anew at each connection."""

    def __init__(self, username: str | None, password: Callable[[], str]) -> None:
        self._username = username
        self._password = password

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """As redis-py asks for them; raises what the function raises."""
        password = self._password()
        return (password,) if self._username is None else (self._username, password)


def joined(options: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Both; what provides the credentials stands for those of the url, for redis-py takes not both."""
    if "credential_provider" in given:
        options = {n: v for n, v in options.items() if n not in {"username", "password"}}
    return {**options, **given}
