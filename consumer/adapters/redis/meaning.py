"""What the errors of redis-py mean to us."""

from __future__ import annotations

import re

from redis import exceptions

from consumer.adapters.redis.tls import refusal
from consumer.errors import ConsumerError, Misconfigured, Transient

#: How a reply begins that will be another one later, where redis-py has no class of its own for it.
#: Redis 6.2 wraps what a script met into an error of its own, behind a dash.
_PASSING = re.compile(
    r"BUSY |MISCONF |NOREPLICAS |UNBLOCKED |IOERR |UNKILLABLE |CLUSTERDOWN |MASTERDOWN "
    r"|.* -(READONLY|OOM|MISCONF|NOREPLICAS|MASTERDOWN) ",
    re.DOTALL,
)

_DENIED = (
    exceptions.AuthenticationError,
    exceptions.AuthenticationWrongNumberOfArgsError,
    exceptions.AuthorizationError,
    exceptions.NoPermissionError,
)

_UNREACHED = (
    exceptions.ConnectionError,  # and BusyLoadingError, which is an answer
    exceptions.TimeoutError,
    OSError,
)
_AWAY = (
    exceptions.BusyLoadingError,
    exceptions.ClusterError,  # and ClusterDownError, MasterDownError
    exceptions.ExecAbortError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
    exceptions.RedisClusterException,
    exceptions.TryAgainError,
)


def cut_quotations(cause: BaseException) -> None:
    """Takes out what redis-py and Redis quote of a command: it may hold events, or a password."""
    met: BaseException | None = cause
    while met is not None:
        if met.args and isinstance(met.args[0], str):
            said = met.args[0].rpartition(" of pipeline caused error: ")[2]
            met.args = (said.partition(", with args beginning with")[0], *met.args[1:])
        met = met.__cause__ or met.__context__


def meaning(deed: str, cause: BaseException) -> ConsumerError:
    """Which branch of the tree an error belongs to. A reply that we do not know is for a person."""
    if isinstance(cause, exceptions.RedisClusterException) and cause.__cause__:
        return meaning(deed, cause.__cause__)  # what its client met at the first node
    if what := _to_mend(deed, cause):
        return Misconfigured(what)
    if isinstance(cause, _UNREACHED) and not isinstance(cause, exceptions.BusyLoadingError):
        return Transient(f"Redis is out of reach, so it cannot {deed}: {cause}")
    if isinstance(cause, _AWAY) or _PASSING.match(str(cause)):
        return Transient(f"Redis is not ready to {deed}: {cause}")
    return Misconfigured(f"Redis refuses to {deed}: {cause}")


def _to_mend(deed: str, cause: BaseException) -> str | None:
    """What a person must mend, where it is plain."""
    if told := refusal(cause):
        return f"Redis cannot {deed}: {told}"
    if isinstance(cause, _DENIED):
        advice = "Check the user, its password and its ACL"
        return f"Redis does not let us {deed}: {cause}. {advice}"
    if isinstance(cause, exceptions.AskError):  # and MovedError, which is one
        advice = "Say in the settings that it is one"
        return f"Redis cannot {deed}: it is a node of a cluster. {advice}"
    if isinstance(cause, exceptions.RedisClusterException) and "mode is not enabled" in str(cause):
        return f"Redis cannot {deed}: it is no cluster. Say in the settings so"
    return None
