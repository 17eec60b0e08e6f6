"""Protobuf schemas, compiled by protoc: what a registry keeps as text, or as a descriptor in base64."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from base64 import b64decode
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from confluent_kafka.schema_registry.confluent import meta_pb2
from confluent_kafka.schema_registry.confluent.type import decimal_pb2, variant_pb2
from confluent_kafka.schema_registry.confluent.types import decimal_pb2 as old_decimal_pb2
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

from consumer.adapters.codecs.registry.registered import Registered, Unreadable
from consumer.errors import Transient

#: What the schema's own file is called, where its imports have the names that it gives them.
_OWN = "the.schema.proto"

#: A name that stays within a folder, and that no system finds too long.
_NAME = re.compile(r"(?!\.)[\w-][\w.-]{0,99}(/(?!\.)[\w-][\w.-]{0,99}){0,19}", re.ASCII)

#: What each registry client brings along, so that serializers register no reference to it.
_BUILT_IN = ("google/protobuf/", "google/type/", "confluent/")
_CONFLUENT = (meta_pb2, decimal_pb2, variant_pb2, old_decimal_pb2)

#: How lines begin that tell of no error.
_NO_ERROR = ("WARNING: ", "W0000 ")

#: Seconds for one schema, which a worker's loop waits for; a second is usual on a busy machine.
_COMPILER = 10.0


def compiled(schema: Registered) -> FileDescriptor:
    """The schema's file, in a pool of its own; raises `Unreadable`, and `Transient` where protoc could not be run."""
    texts = {
        name: each.text
        for name, each in schema.every_reference().items()
        if not name.startswith(_BUILT_IN)
    }
    for name in texts:
        if not _NAME.fullmatch(name):
            raise Unreadable(f"it refers to {name[:100]!r}, which is no name of a file")
    try:
        with tempfile.TemporaryDirectory(prefix="protobuf-") as folder:
            files = _compiled(Path(folder), {**texts, _OWN: schema.text})
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as cause:
        raise Unreadable("a file that it refers to has the name of another's folder") from cause
    except (OSError, subprocess.TimeoutExpired) as cause:
        raise Transient(f"protoc could not be run for {schema.title}: {cause}") from cause
    pool = DescriptorPool()
    try:
        for file in files:
            pool.Add(file)
        return pool.FindFileByName(_OWN)
    except Exception as cause:  # what protoc took but the library does not
        raise Unreadable(
            f"it is no schema for Python's library ({type(cause).__name__})"
        ) from cause


def _compiled(folder: Path, texts: Mapping[str, str]) -> list[FileDescriptorProto]:
    """The files and all that they import, in order."""
    descriptors = FileDescriptorSet()
    for module in _CONFLUENT:
        descriptors.file.add().ParseFromString(module.DESCRIPTOR.serialized_pb)
    for name, text in texts.items():
        if (descriptor := _descriptor(name, text)) is not None:
            descriptors.file.append(descriptor)
            continue
        path = folder / "texts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(errors="replace"))
    (folder / "known").write_bytes(descriptors.SerializeToString())
    # A process apart: protoc prints, and a schema that breaks it breaks nothing else.
    done = subprocess.run(  # noqa: S603  the command is ours, without a shell; the schema is in files
        [
            *(sys.executable, "-P", "-m", "grpc_tools.protoc", "-Itexts", *_google_types()),
            *("--descriptor_set_in=known", "--include_imports", "--descriptor_set_out=all", _OWN),
        ],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_COMPILER,
        check=False,
    )
    if done.returncode:
        raise Unreadable(f"it does not compile: {_why(done)}")
    return list(FileDescriptorSet.FromString((folder / "all").read_bytes()).file)


def _why(done: subprocess.CompletedProcess[bytes]) -> str:
    """The compiler's first error: others follow from it."""
    said = done.stderr.decode(errors="replace").splitlines()
    errors = (
        line.removeprefix("texts/")[:200]
        for line in said
        if line and not line.startswith(_NO_ERROR)
    )
    return next(errors, f"protoc ended with {done.returncode}")


def _descriptor(name: str, text: str) -> FileDescriptorProto | None:
    """What Python's serializer registers; None where the text is Protobuf's own language."""
    try:
        descriptor = FileDescriptorProto.FromString(b64decode(text, validate=True))
    except ValueError:
        return None
    except DecodeError as cause:
        raise Unreadable(
            f"{name} is neither Protobuf's language nor a descriptor in base64"
        ) from cause
    descriptor.name = name
    return descriptor


@cache
def _google_types() -> tuple[str, ...]:
    package = find_spec("google.type")
    folders = package.submodule_search_locations if package else None
    return tuple(f"-Igoogle/type={folder}" for folder in folders or ())
