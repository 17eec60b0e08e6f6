"""The whole of projections.yaml."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from consumer.errors import Misconfigured
from consumer.settings.http import HttpSettings
from consumer.settings.offsets import OffsetSettings
from consumer.settings.problems import Problem, nearest, problems_of
from consumer.settings.projections import ProjectionName, ProjectionSettings
from consumer.settings.sources import SourceSettings

#: How long Kafka lets a worker be away from its polls, and that where nothing is said.
_INTERVAL, _INTERVAL_MS = "max.poll.interval.ms", 300_000
#: How much of that time one apply may take.
_SHARE = 0.8


class Settings(BaseSettings):
    """Everything an operator sets.

    A variable of the environment such as `PROJECTIONS_OFFSETS__REDIS__URL` overrides the file. Making
    one raises `Misconfigured` with all problems, a line each.
    """

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        env_prefix="PROJECTIONS_",
        env_nested_delimiter="__",
    )

    offsets: OffsetSettings
    """Where checkpoints are kept."""

    sources: dict[str, SourceSettings]
    """The brokers, each under a name of your choice."""

    http: HttpSettings | None = None
    """Where each worker serves its metrics and probes; nowhere if nothing is said."""

    projections: dict[ProjectionName, ProjectionSettings] = {}
    """The projections by name: offsets, consumer group and logs carry it."""

    def projection(self, name: str) -> ProjectionSettings:
        """The projection of that name; else `Misconfigured`, with the names there are."""
        if name not in self.projections:
            raise Misconfigured(f"projections.{name}: missing; {nearest(name, self.projections)}")
        return self.projections[name]

    def source(self, name: str) -> SourceSettings:
        """The source of that name; else `Misconfigured`, with the names there are."""
        if name not in self.sources:
            raise Misconfigured(f"sources.{name}: missing; {nearest(name, self.sources)}")
        return self.sources[name]

    def only_source(self) -> str:
        """The name of the source where there is one; else `Misconfigured`, with the names there are."""
        if len(self.sources) != 1:
            names = ", ".join(self.sources) or "none"
            raise Misconfigured(f"sources: name one with --source; there are {names}")
        return next(iter(self.sources))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then the file."""
        return env_settings, init_settings

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, data: Any, handler: ModelWrapValidatorHandler[Settings]) -> Settings:
        problems = [*_dangling(data)]
        try:
            settings = handler(data)
        except ValidationError as cause:
            problems = [*problems_of(cause, cls), *problems]
        if problems:
            # Not a ValueError, so it passes through pydantic, and quotes nothing that was given.
            raise Misconfigured("\n".join(map(str, problems))) from None
        return settings


def _dangling(data: Any) -> Iterator[Problem]:
    """What only two parts together tell. Looks at raw data, so that it is said with all the rest."""
    sources = _mapping(_mapping(data).get("sources"))
    groups: dict[tuple[str, str], str] = {}
    for name, projection in _mapping(_mapping(data).get("projections")).items():
        read = _mapping(_mapping(projection).get("source"))
        place = ("projections", name, "source")
        source = read.get("from")
        if not isinstance(source, str) or not sources:
            continue
        if source not in sources:
            yield Problem((*place, "from"), f"no source has this name; {nearest(source, sources)}")
        elif _mapping(sources[source]).get("redis") is not None:
            if "group" in read:
                yield Problem(
                    (*place, "group"), "Redis Streams know no consumer group of ours: leave it out"
                )
        else:
            group = str(read.get("group") or name)
            other = groups.setdefault((source, group), str(name))
            if other != str(name):
                yield Problem(
                    (*place, "group"),
                    f"{other} reads from {source} as {group} too; two projections in one group would share the partitions, not each see all",
                )
            yield from _too_long(str(name), _mapping(projection), source, _mapping(sources[source]))


def _too_long(
    name: str, projection: Mapping[Any, Any], source: str, broker: Mapping[Any, Any]
) -> Iterator[Problem]:
    """An apply may not outlast the time after which Kafka takes its worker for dead, nor come near it: what
    else a worker does between two polls takes time too.
    """
    config = _mapping(_mapping(broker.get("kafka")).get("config"))
    most = _number(config.get(_INTERVAL, _INTERVAL_MS)) / 1000
    default = ProjectionSettings.model_fields["apply_seconds"].default
    seconds = _number(projection.get("apply_seconds", default))
    if seconds > _SHARE * most:
        yield Problem(
            ("projections", name, "apply_seconds"),
            f"{seconds:g} s is too near to the {most:g} s after which Kafka gives a worker's partitions to others: make it {_SHARE * most:g} s at most, or raise {_INTERVAL} in the config of {source}",
        )


def _number(value: Any) -> float:
    """Not a number if it is none; what is wrong with it is said where it is read."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}
