"""What a URL of PostgreSQL says, checked before libpq would quote parts of it in its errors."""

from __future__ import annotations

import os
import re
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from consumer.errors import Misconfigured

#: Host names, addresses, and folders of unix sockets; several are parted by commas.
_HOSTS = re.compile(r"[A-Za-z0-9._:%,-]*|[/@][^,]*(,[/@][^,]*)*")
_PORTS = re.compile(r"[0-9,]*")

#: What libpq takes from the environment where nothing else says it.
_VARIABLES = {"connect_timeout": "PGCONNECT_TIMEOUT", "options": "PGOPTIONS"}


def understood(url: str) -> dict[str, Any]:
    """The parameters of libpq in `url`; `Misconfigured`, which quotes nothing of it, if it cannot be one."""
    try:
        parameters = {
            name: value for name, value in conninfo_to_dict(url).items() if value is not None
        }
    except psycopg.Error:
        raise _unclear(
            "it is written as no URL of PostgreSQL is, or names an option unknown to libpq"
        ) from None
    if url.partition("?")[0].count("@") > 1:
        raise _unclear("it has an @ too many")
    if not _HOSTS.fullmatch(str(parameters.get("host", ""))):
        raise _unclear("what stands for its host cannot be one")
    if not _PORTS.fullmatch(str(parameters.get("port", ""))):
        raise _unclear("what stands for its port is no number")
    return parameters


def said(parameters: dict[str, Any], name: str) -> str | None:
    """What the URL says of the parameter, or else the environment."""
    value = parameters.get(name) or os.environ.get(_VARIABLES[name])
    return None if value is None else str(value)


def _unclear(why: str) -> Misconfigured:
    return Misconfigured(
        f"the url of PostgreSQL cannot be read: {why}. It has the form "
        "postgresql://user@host:5432/database, and in a password each of @ : / ? # % is percent-encoded, "
        "as in %40; better is password_file"
    )
