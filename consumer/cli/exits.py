"""What the process's exit code says."""

from __future__ import annotations

#: Done, or stopped in good order.
DONE = 0
#: A person must change the settings, or what they point at.
MISCONFIGURED = 1
#: The command line itself is wrong; typer says so.
USAGE = 2
#: Caught up, but for partitions that halted.
HALTED = 3
#: The batch in hand took longer than `drain_seconds`.
UNDRAINED = 4
#: A server is out of reach, or refuses.
FAILED = 5
#: One apply took longer than `apply_seconds`: the process ended, so that its write meets no successor's.
OVERDUE = 6
#: A worker of the projection lives, or another reset, so its offsets were not moved.
OWNED = 7
#: A bug, ours or the projector's; a traceback says where. The number is sysexits.h's EX_SOFTWARE.
BUG = 70
