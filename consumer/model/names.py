"""What a projection may be called."""

from __future__ import annotations

import re

from consumer.errors import Misconfigured

#: A name, and behind an @ the projection's own version. No colon, brace or slash: names become
#: parts of Redis keys, of consumer groups and of file names.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(@[1-9][0-9]{0,8})?")


def validated_name(name: str) -> str:
    """The name itself, if a projection may be called so; else `Misconfigured`."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Misconfigured(
            f"{name!r} cannot name a projection: use 1 to 100 letters, digits, dots, dashes and "
            "underscores, starting with a letter or digit, and if you like a version, as in orders@2"
        )
    return name
