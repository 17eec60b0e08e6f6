"""An image of one executable, as an archive that containerd takes; no container engine is needed for it."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

PAUSE = "docker.io/projection-consumer/pause:1"


def archive(name: str, executable: Path, file: Path) -> Path:
    """Writes the image `name`, which holds and runs nothing but the executable."""
    layer = _tar({f"{executable.name}": executable.read_bytes()}, mode=0o755)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": [f"/{executable.name}"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    contents = {
        "layer.tar": layer,
        "config.json": json.dumps(config).encode(),
        "manifest.json": json.dumps(manifest).encode(),
    }
    file.write_bytes(_tar(contents, mode=0o644))
    return file


def _tar(contents: dict[str, bytes], mode: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = mode
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()
