"""Java beside the tests: a program is one source file, and its class path comes from Maven Central.

Java is the one that Kafka runs on, and the compiler Eclipse's, which asks for no JDK. Jars and classes
are kept under ~/.cache by what they are made of; the next time that is no work.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from consumer.embedded.kafka import java
from consumer.errors import Misconfigured
from tests.tools import ToolMissing, cache, locked

#: Eclipse's compiler for Java, one jar that runs on a plain runtime.
_COMPILER = "org.eclipse.jdt:ecj:3.43.0"

#: Programs of a few seconds: what starts soonest, on one core.
_JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")

#: A coordinate names what it is of in full, so that a cache made of its text is right.
_PINNED = re.compile(r"[\w.-]+:[\w.-]+:[\w.-]+(:[\w.-]+)*")


@dataclass(frozen=True)
class Program:
    """A compiled class with a `main`."""

    main: str
    class_path: tuple[Path, ...]

    def command(self, *arguments: str, jvm: tuple[str, ...] = _JVM) -> list[str]:
        """The command line that runs it: for who starts the process by himself."""
        return [*_java(), *jvm, "-cp", _joined(self.class_path), self.main, *arguments]

    def run(self, *arguments: str, given: str = "", timeout: float = 60) -> str:
        """What it prints, given this on its standard input; it must end with exit code 0."""
        done = subprocess.run(
            self.command(*arguments),
            input=given,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
        )
        assert done.returncode == 0, f"{self.main} ended with {done.returncode}: {done.stderr}"
        return done.stdout


def program(source: Path, *coordinates: str) -> Program:
    """The class in the file of its name, in no package, compiled with the jars of these coordinates.

    Raises `ToolMissing` where Java, a jar or the compiler is not to be had.
    """
    jars = class_path(*coordinates)
    content = "\n".join([source.read_text(), _COMPILER, *map(str, jars)])
    classes = _kept(f"{source.stem}-{_digest(content)}")
    with locked(classes.with_suffix(".lock")):
        if not classes.exists():
            _compile(source, jars, classes)
    return Program(source.stem, (classes, *jars))


def class_path(*coordinates: str) -> tuple[Path, ...]:
    """The jars of these Maven coordinates, as in `org.apache.kafka:kafka-clients:4.3.1`, and what they need.

    Raises `ToolMissing`.
    """
    if not coordinates:
        return ()
    folder = _kept(f"jars-{_digest(*coordinates)}")
    with fetching():
        if not folder.exists():
            _fetch(coordinates, folder)
    return tuple(sorted(folder.rglob("*.jar")))


def fetching() -> AbstractContextManager[None]:
    """One process at a time: jgo writes into its caches, and into ~/.m2, as if nobody else did."""
    return locked(_kept("fetching.lock"))


def _fetch(coordinates: tuple[str, ...], folder: Path) -> None:
    assert all(map(_PINNED.fullmatch, coordinates)), f"name a version in each of {coordinates}"
    try:
        import jgo
    except ImportError:
        raise ToolMissing("the package jgo is not there: it comes with the extra `demo`") from None
    # A folder of our own, for of one that was half filled jgo believes that it is whole.
    unfinished = _emptied(folder)
    try:
        jgo.build("+".join(coordinates), cache_dir=unfinished)
    except Exception as cause:
        raise ToolMissing(f"{', '.join(coordinates)} could not be had: {cause}") from cause
    unfinished.rename(folder)


def _compile(source: Path, jars: tuple[Path, ...], classes: Path) -> None:
    unfinished = _emptied(classes)
    compiler = [*_java(), *_JVM, "-cp", _joined(class_path(_COMPILER))]
    options = ["-17", "-proc:none", "-encoding", "UTF-8", "-nowarn", "-d", str(unfinished)]
    if jars:
        options += ["-classpath", _joined(jars)]
    main = "org.eclipse.jdt.internal.compiler.batch.Main"
    done = subprocess.run(
        [*compiler, main, *options, str(source)], capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, f"{source.name} does not compile:\n{done.stdout}{done.stderr}"
    unfinished.rename(classes)


def _java() -> list[str]:
    try:
        return [str(java())]
    except Misconfigured as missing:
        raise ToolMissing(str(missing)) from missing


def _kept(name: str) -> Path:
    return cache() / "jvm" / name


def _emptied(folder: Path) -> Path:
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    return unfinished


def _digest(*content: str) -> str:
    return hashlib.sha256("\n".join(content).encode()).hexdigest()[:12]


def _joined(files: tuple[Path, ...]) -> str:
    return os.pathsep.join(map(str, files))
