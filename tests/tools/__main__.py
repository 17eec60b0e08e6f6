"""`python -m tests.tools kubernetes keda`: builds them where they are missing; without names, all."""

from __future__ import annotations

import sys

from tests.tools import EXECUTABLES, built

for module in sys.argv[1:] or sorted({module for module, _ in EXECUTABLES.values()}):
    sys.stdout.write(f"{built(module)}\n")
