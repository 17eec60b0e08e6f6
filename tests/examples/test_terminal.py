"""A page that does not say what happens is found out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.terminal import Terminal, clean, commands


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path, clean())


def play(terminal: Terminal, text: str) -> None:
    page = terminal.folder / "page.md"
    page.write_text(text)
    terminal.play(str(page))


@pytest.mark.parametrize(
    "shown",
    [
        "other",
        "one\ntwo\nthree\nfour",
        "one\nthree",
        "...\ntwo",
        "one\n...\nthree\n...",
    ],
)
def test_output_that_did_not_come_fails(terminal: Terminal, shown: str) -> None:
    with pytest.raises(AssertionError, match="the page shows"):
        play(terminal, f"```console\n$ printf 'one\\ntwo\\nthree\\n'\n{shown}\n```\n")


@pytest.mark.parametrize("shown", ["one\ntwo\nthree", "...\nthree", "one\n...\nthree", "..."])
def test_output_that_came_passes(terminal: Terminal, shown: str) -> None:
    play(terminal, f"```console\n$ printf 'one\\ntwo\\nthree\\n'\n{shown}\n```\n")


def test_a_command_that_fails_fails_the_page(terminal: Terminal) -> None:
    with pytest.raises(AssertionError, match="false"):
        play(terminal, "```console\n$ false\n```\n")


def test_times_and_owners_differ_and_the_rest_does_not(terminal: Terminal) -> None:
    said = "18:37:43 started  owner=vm:1:a in 0.25s"
    play(terminal, f"```console\n$ echo '{said}'\n01:02:03 started    owner=me in 12s\n```\n")
    with pytest.raises(AssertionError, match="the page shows"):
        play(terminal, f"```console\n$ echo '{said}'\n01:02:03 stopped  owner=me in 12s\n```\n")


def test_files_folders_variables_and_addresses_go_on_from_block_to_block(
    terminal: Terminal,
) -> None:
    play(
        terminal,
        """
```console
$ mkdir shop && cd shop
$ echo serving on 127.0.0.1:4321
serving on 127.0.0.1:9092
$ export BROKER=127.0.0.1:9092
```

```yaml
# inner/settings.yaml
a: 1
```

```console
$ cat inner/settings.yaml && echo $BROKER | tr -d .
# inner/settings.yaml
a: 1
127001:4321
```
""",
    )
    assert terminal.folder.name == "shop"


def test_a_remark_behind_a_command_is_not_typed() -> None:
    assert [command.typed for command in commands("$ pip install .    # in a clone\n")] == [
        "pip install ."
    ]
