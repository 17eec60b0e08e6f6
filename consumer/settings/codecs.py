"""The form that events have on a topic."""

from __future__ import annotations

CodecSettings = str
