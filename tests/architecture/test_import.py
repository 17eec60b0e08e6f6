"""`import consumer` is cheap, and needs nothing that talks to a broker."""

import os
import subprocess
import sys

import pytest

#: Everything that is not needed to write and test a projector.
NOT_NEEDED = (
    *("confluent_kafka", "redis", "hiredis", "prometheus_client"),
    *("fastavro", "google.protobuf", "grpc_tools"),
    *("pydantic", "pydantic_settings", "rich", "structlog", "typer", "yaml"),
)


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("package", ["consumer", "projectors", "consumer.engine.worker"])
def test_it_needs_only_the_standard_library_and_msgspec(package):
    hidden = "".join(f"sys.modules[{name!r}] = None; " for name in NOT_NEEDED)
    run(f"import sys; {hidden}import {package}")


def test_it_takes_less_than_100_ms_more_than_msgspec():
    def seconds(code: str) -> float:
        before = os.times()
        run(code)
        after = os.times()
        return sum(after[2:4]) - sum(before[2:4])

    # Of the processor, for the machine may be busy; the least of several in turn.
    pairs = [(seconds("import msgspec"), seconds("import msgspec, consumer")) for _ in range(7)]
    without, with_it = map(min, zip(*pairs, strict=True))
    assert with_it - without < 0.1
