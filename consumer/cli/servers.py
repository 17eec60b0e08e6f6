"""`projections servers`: a Kafka and a Valkey to try things on."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack, suppress
from typing import Annotated

import typer

from consumer.cli.new import Broker


def servers(
    source: Annotated[
        Broker,
        typer.Option("--source", help="kafka: Kafka and Valkey; redis: Valkey alone."),
    ] = Broker.kafka,
) -> None:
    """Start a Kafka and a Valkey (it speaks Redis) on this machine, until Ctrl-C.

    For a try: no password, no second copy, and what they hold goes with them.
    What they print is for your other terminals: a project that `projections new`
    made looks for its servers there. Needs the extra `demo`.

    Exit codes:
    0  ended by Ctrl-C or SIGTERM
    1  a server could not be had
    2  wrong usage
    """
    from consumer.embedded.kafka import Kafka
    from consumer.embedded.valkey import Valkey

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), ExitStack() as running:
        redis = running.enter_context(Valkey())
        if source is Broker.kafka:
            _say("# starting Kafka; the first time it is fetched, in about a minute")
            kafka = running.enter_context(Kafka())
            while not kafka.takes_events:
                time.sleep(0.05)
            _say(f"export KAFKA={kafka.bootstrap}")
        _say(f"export REDIS_URL={redis.url}")
        _say("# until Ctrl-C")
        signal.pause()


def _say(line: str) -> None:
    """At once, also into a pipe."""
    print(line, flush=True)  # noqa: T201  # the command line speaks
