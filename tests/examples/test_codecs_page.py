"""docs/codecs.md: its codecs hold, also under attack, and its settings are taken."""

from __future__ import annotations

import gzip
import importlib
import os
import re
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consumer import IntOffset, Partition, Record, Undecodable
from tests.examples.codecs import codec_of
from tests.examples.pages import ROOT, block, blocks
from tests.examples.terminal import Terminal, clean

PAGE = "docs/codecs.md"
FILE = re.compile(r"# (shop/\S+\.py)\n")
PLACED = b'{"specversion":"1.0","id":"7","source":"/shop","type":"OrderPlaced","data":5}'
KEY = AESGCM.generate_key(256)
NONCE = b"twelve bytes"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Makes what an import string of the page names."""
    for text in blocks(PAGE, "python"):
        if named := FILE.match(text):
            (tmp_path / "shop").mkdir(exist_ok=True)
            (tmp_path / named[1]).write_text(text)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/keys.json").write_text(f'{{"2026-11": "{KEY.hex()}"}}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    forget_shop()
    importlib.invalidate_caches()
    yield codec_of
    forget_shop()


def forget_shop() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


def record(value: bytes | None, *headers: tuple[str, bytes], key: bytes = b"o-1") -> Record:
    return Record(Partition("orders", 3), IntOffset(41), key, value, headers)


def gzipped(value: bytes) -> Record:
    return record(value, ("content-encoding", b"gzip"))


def sealed(value: bytes, *, key_id: bytes = b"2026-11", key: bytes = b"o-1") -> Record:
    return record(value, ("key-id", key_id), key=key)


def test_the_page_as_it_is_typed(tmp_path: Path) -> None:
    environment = clean() | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}:{tmp_path}",
    }
    (ran,) = Terminal(tmp_path, environment).play(PAGE)
    assert ran.typed.startswith("pytest")


def test_each_place_of_the_page_is_one() -> None:
    settings = yaml.safe_load(block(PAGE, "yaml", "codec:\n"))["codec"]
    assert codec_of(settings)
    for place in re.findall(
        r"^\| `([a-z]+(?::[^`]+)?)` \|", (ROOT / PAGE).read_text(), re.MULTILINE
    ):
        if place.partition(":")[0] in {"header", "field", "key", "const"}:
            assert codec_of({"json": {"type": place}})


# --- compressed ----------------------------------------------------------------------------------


def test_compressed_and_plain_values_and_tombstones_may_come_in_turn(
    shop: Callable[[str], Any],
) -> None:
    it = shop("shop.compressed:Gzipped")
    assert it.decode(gzipped(gzip.compress(PLACED))).decode(int) == 5
    assert it.decode(record(PLACED)).decode(int) == 5
    assert it.decode(record(None, ("content-encoding", b"gzip"))).is_tombstone


def test_a_value_that_unpacks_to_the_limit_is_read_and_one_byte_more_is_not(
    shop: Callable[[str], Any],
) -> None:
    it = shop("shop.compressed:Gzipped")
    limit = sys.modules["shop.compressed"].LIMIT
    most = PLACED + b" " * (limit - len(PLACED))
    assert it.decode(gzipped(gzip.compress(most))).decode(int) == 5
    with pytest.raises(Undecodable, match="holds more than"):
        it.decode(gzipped(gzip.compress(most + b" ")))


def test_a_bomb_is_refused_before_it_takes_the_memory(shop: Callable[[str], Any]) -> None:
    it = shop("shop.compressed:Gzipped")
    packing = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packing.compress(bytes(1 << 20)) for _ in range(200)) + packing.flush()
    assert len(bomb) < 1 << 20
    tracemalloc.start()
    try:
        with pytest.raises(Undecodable, match="holds more than"):
            it.decode(gzipped(bomb))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 32 << 20


@pytest.mark.parametrize(
    ("damaged", "why"),
    [
        (lambda packed: b"", "is cut off"),
        (lambda packed: packed[:-1], "is cut off"),
        (lambda packed: packed + packed, "goes on behind its end"),
        (lambda packed: packed[:-5] + b"\x00" * 5, "is no gzip"),
        (lambda packed: zlib.compress(PLACED), "is no gzip"),
        (lambda packed: PLACED, "is no gzip"),
    ],
)
def test_damaged_gzip_is_undecodable(
    shop: Callable[[str], Any], damaged: Callable[[bytes], bytes], why: str
) -> None:
    with pytest.raises(Undecodable, match=why) as raised:
        shop("shop.compressed:Gzipped").decode(gzipped(damaged(gzip.compress(PLACED))))
    assert "sha256:" in str(raised.value)


# --- encrypted -----------------------------------------------------------------------------------


def test_a_key_comes_from_the_secret_file(shop: Callable[[str], Any]) -> None:
    it = shop("shop.encrypted:encrypted")
    value = NONCE + AESGCM(KEY).encrypt(NONCE, PLACED, b"o-1")
    assert it.decode(sealed(value)).decode(int) == 5
    assert it.decode(record(None)).is_tombstone


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"key_id": b"2026-10"}, "nobody here has the key"),
        ({"key": b"o-2"}, "does not open it"),
        ({"value": b""}, "does not open it"),
        ({"value": NONCE}, "does not open it"),
        ({"value": NONCE[:5]}, "does not open it"),
        ({"value": PLACED}, "does not open it"),
    ],
)
def test_what_its_key_does_not_open_is_undecodable(
    shop: Callable[[str], Any], change: dict[str, bytes], why: str
) -> None:
    value = NONCE + AESGCM(KEY).encrypt(NONCE, PLACED, b"o-1")
    with pytest.raises(Undecodable, match=why) as raised:
        shop("shop.encrypted:encrypted").decode(sealed(**{"value": value, **change}))
    assert KEY.hex() not in str(raised.value)


# --- bytes of one's own --------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, b"", b"15 bytes so far", b"and 17 bytes here"])
def test_a_reading_of_another_length_is_undecodable(
    shop: Callable[[str], Any], value: bytes | None
) -> None:
    with pytest.raises(Undecodable, match="a reading has 16 bytes"):
        shop("shop.sensors:Sensors").decode(record(value))
