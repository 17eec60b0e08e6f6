"""From a file and the environment to `Settings`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic_settings import SettingsError

from consumer.errors import Misconfigured
from consumer.settings.document import Settings
from consumer.settings.problems import Problem, nearest

#: `${NAME}` and `${NAME:-what to take where it is not set}`; `$${` stands for `${` itself.
_VARIABLE = re.compile(r"\$?\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")

#: NUL, and half of a pair of UTF-16: YAML can write them, and no system call takes them.
_UNUSABLE = re.compile("[\0\ud800-\udfff]")

_PREFIX = Settings.model_config["env_prefix"]


def load(path: Path) -> Settings:
    """Reads and checks everything; raises `Misconfigured` with all that is wrong, a line each."""
    try:
        return _loaded(path)
    except RecursionError:
        raise Misconfigured(f"{path} is nested too deep, or holds itself") from None


def _loaded(path: Path) -> Settings:
    tree = _parse(path)
    problems = [*_strange_variables(), *_strange_keys(tree)]
    tree = _filled(tree, (), problems.append)
    try:
        # Those alone: pydantic-settings takes some others for parameters of its own.
        settings = Settings(**{name: tree[name] for name in Settings.model_fields if name in tree})
    except Misconfigured as cause:
        lines = str(cause).splitlines()
    except SettingsError:  # it names no variable, and its cause quotes the value
        given = ", ".join(variable for variable, _ in _variables())
        lines = [f'a list or a mapping must be written as JSON, as in ["a", "b"], in {given}']
    else:
        lines = []
    lines = [*map(str, problems), *lines]
    if lines:
        found = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
        raise Misconfigured("\n".join([f"{path}: {found}", *(f"  {line}" for line in lines)]))
    return settings


#: What YAML 1.2 takes for numbers, as editors do; 1.1 has 1_000, 1:30 and 017 besides, and takes 1e3 for text.
_NUMBERS = {
    "tag:yaml.org,2002:int": re.compile(r"[+-]?[0-9]+$"),
    "tag:yaml.org,2002:float": re.compile(
        r"([+-]?([0-9]+[.][0-9]*|[.][0-9]+|[0-9]+(?=[eE]))([eE][+-]?[0-9]+)?"
        r"|[+-]?[.](inf|Inf|INF)|[.](nan|NaN|NAN))$"
    ),
}


class _Loader(yaml.SafeLoader):
    """YAML without surprises: a key stands once, a time stays the text that it is, and numbers are decimal."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # the way PyYAML wants it
        first: [
            (tag, _NUMBERS.get(tag, pattern))
            for tag, pattern in resolvers
            if not tag.endswith(":timestamp")
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (AttributeError, KeyError, ValueError):  # as from `!!int seven`
            raise yaml.constructor.ConstructorError(
                None, None, "this is no value that can be read", node.start_mark
            ) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():  # as in `!!map [a]`
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value} stands here twice", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node), 10)


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


def _parse(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as cause:
        hint = ": name the file with --config, or in PROJECTIONS_CONFIG"
        raise Misconfigured(f"cannot read the settings in {path}: {cause.strerror}{hint}") from None
    except UnicodeDecodeError:
        raise Misconfigured(f"{path} does not hold text in UTF-8") from None
    try:
        tree = yaml.load(text, Loader=_Loader)  # noqa: S506  # it is a SafeLoader
    except yaml.MarkedYAMLError as cause:
        mark = cause.problem_mark
        place = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
        raise Misconfigured(f"{place}: {cause.problem or cause.context}") from None
    except yaml.YAMLError:
        raise Misconfigured(f"{path} does not hold text that YAML allows") from None
    if not isinstance(tree, dict) or not all(isinstance(key, str) for key in tree):
        raise Misconfigured(f"{path} must hold a mapping: offsets, sources and projections")
    return tree


def _filled(value: Any, place: tuple[str | int, ...], report: Callable[[Problem], None]) -> Any:
    """The value with variables of the environment put in; those that are not set are reported."""
    if isinstance(value, dict):
        return {key: _filled(inner, (*place, str(key)), report) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, (*place, at), report) for at, inner in enumerate(value)]
    if not isinstance(value, str):
        return value
    if _UNUSABLE.search(value):
        report(Problem(place, "holds a character that no file and no server can be named with"))

    def fill(found: re.Match[str]) -> str:
        if found[0].startswith("$$"):
            return found[0][1:]
        default: str | None = found["default"]
        given = os.environ.get(found["name"], default)
        if given is None:
            report(Problem(place, f"the environment has no {found['name']}"))
        return given or ""

    return _VARIABLE.sub(fill, value)


def _strange_keys(tree: dict[str, Any]) -> Iterator[Problem]:
    for key in tree:
        if key not in Settings.model_fields:
            yield Problem((key,), f"unknown; {nearest(key, Settings.model_fields)}")


def _strange_variables() -> Iterator[Problem]:
    """Variables that look like settings and are none: a typing error would pass unseen."""
    for variable, name in _variables():
        if name not in Settings.model_fields:
            known = (name.upper() for name in Settings.model_fields)
            yield Problem((variable,), f"no such setting; {nearest(name.upper(), known)}")


def _variables() -> Iterator[tuple[str, str]]:
    """The variables that override a setting, each with the part of the settings that it is for."""
    for variable in sorted(os.environ):
        upper = variable.upper()
        name, nested, _ = upper.removeprefix(_PREFIX).lower().partition("__")
        if upper.startswith(_PREFIX) and (nested or name in Settings.model_fields):
            yield variable, name
