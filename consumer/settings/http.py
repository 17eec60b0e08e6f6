"""Where a worker answers those who watch it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from consumer.settings.shape import Shape


class HttpSettings(Shape):
    """One port for `/metrics`, `/livez` and `/readyz`."""

    port: Annotated[int, Field(ge=0, le=65_535)]
    """The port; 0 takes any that is free, and the log says which."""

    host: str = "0.0.0.0"  # noqa: S104  # whoever watches a worker in a container comes from outside
    """The address to listen on; `127.0.0.1` for this machine alone."""
