"""From `python -m consumer` to a projector: four hops, a file each."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from tests.scenarios.shop import Shop
from tests.servers import RedisServer

PROJECTOR = """
import traceback
from pathlib import Path

class Orders:
    name = "orders"
    handles = None

    def apply(self, batch):
        calls = [call.filename for call in traceback.extract_stack() if "/consumer/" in call.filename]
        Path("path").write_text("\\n".join(dict.fromkeys(calls)))
"""


def test_from_the_command_to_the_projector_are_four_hops(
    tmp_path: Path, valkey: RedisServer
) -> None:
    shop = Shop.at(tmp_path, redis=valkey.url, prefix=f"path-{uuid4().hex}")
    (tmp_path / "shop.py").write_text(PROJECTOR)
    shop.publish(range(5))
    assert shop.projections("run", "orders", "--until-caught-up").returncode == 0
    path = [name.partition("/consumer/")[2] for name in (tmp_path / "path").read_text().split()]
    assert path[path.index("cli/run.py") :] == [
        "cli/run.py",
        "engine/worker.py",
        "engine/applying.py",
        "engine/settling.py",
    ]
