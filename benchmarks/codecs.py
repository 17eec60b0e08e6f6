"""What decoding costs: each codec of ours against the bare library, on the same bytes, in memory.

Ours is what a projector's event goes through: Record -> Event -> its data as the type that the projector
declared. What the bare side does, and that it ends with the same typed data, stands at each form; both must
come to the same sum. They run in turn in one process, after a turn that does not count, and what counts is the
time that the process had the processor: it waits for nothing, and others on the machine must not matter.

    python -m benchmarks --codecs-only
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from rich.progress import track

from benchmarks.forms import Form, binary, envelope, one_type, places, structured
from benchmarks.orders import Order
from benchmarks.registry_forms import avro, json_schema, protobuf
from benchmarks.running import Result, rates

#: What `make bench` compares: a form takes how many events it shall hold.
FORMS: dict[str, Callable[[int], Form]] = {
    "structured": structured,
    "structured, one type": one_type,
    "binary": binary,
    "envelope": envelope,
    "json": places,
    "avro": avro,
    "protobuf": protobuf,
    "json schema": json_schema,
}

_EVENTS = 20_000
_TURNS = 15


def ours(form: Form) -> int:
    """As `Decoding` and a projector do it."""
    decode = form.codec.decode
    return sum(decode(record).decode(Order).cents for record in form.records)


def compared(name: str, make: Callable[[int], Form]) -> Result:
    """Events/s of both, and the median of the turns' ratios."""
    form = make(_EVENTS)
    gc.collect()
    gc.freeze()  # as `projections run` does
    turns = [
        (_timed(partial(ours, form)), _timed(partial(form.bare, form.records)))
        for _ in track(range(_TURNS + 1), description=f"{name}, {_TURNS} turns")
    ]
    gc.unfreeze()
    if len({run["checksum"] for turn in turns for run in turn}) != 1:
        sys.exit(f"{name}: ours and the bare library did not read the same")
    return rates(turns[1:])


def _timed(decode: Callable[[], int]) -> Result:
    began = time.process_time()
    checksum = decode()
    return {"events": _EVENTS, "checksum": checksum, "seconds": time.process_time() - began}


def rows() -> dict[str, dict[str, Any]]:
    """For the benchmark's table."""
    return {f"D/{name}": compared(name, make) for name, make in FORMS.items()}
