"""A codec that hangs as long as a file lies in the ledger's folder: a thread that never comes back."""

from __future__ import annotations

import os
import time
from pathlib import Path

from consumer import Event, Record
from consumer.adapters.codecs.cloudevents import CloudEvents

GATE = "hold-decoding"


class Hanging(CloudEvents):
    """CloudEvents, with a hold."""

    def decode(self, record: Record) -> Event:
        while (Path(os.environ["LEDGER_FOLDER"]) / GATE).exists():
            time.sleep(0.05)
        return super().decode(record)
