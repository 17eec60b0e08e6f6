"""A projection's own code, imported whole or refused whole."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.adapters.codecs.envelope import Envelope
from consumer.adapters.codecs.json import Json
from consumer.errors import Misconfigured
from consumer.model.event import Batch
from consumer.model.position import Fence, IntOffset, Partition
from consumer.settings.projections import ProjectionSettings
from consumer.settings.sources import SourceSettings
from consumer.wiring.parts import Parts, parts

HERE = __name__
P = Partition("orders", 0)
BATCH = Batch(P, (), Fence("orders", P, 1, IntOffset(-1), IntOffset(0)))


class Orders:
    name = "orders"
    handles = frozenset({"OrderPlaced"})

    def __init__(self) -> None:
        self.calls: list[str] = []

    def apply(self, batch: Batch) -> None:
        self.calls.append("apply")


class Slow(Orders):
    async def apply(self, batch: Batch) -> None:  # type: ignore[override]  # the other kind of projector
        self.calls.append("apply")

    async def close(self) -> None:
        self.calls.append("close")


class Nameless:
    handles = None

    def apply(self, batch: Batch) -> None: ...


class Unclear(Orders):
    handles = "OrderPlaced"  # type: ignore[assignment]  # the mistake that is made


class Step:
    type = "OrderPlaced"
    version = 1

    def upcast(self, data: Any) -> Any:
        return data


class Away(Exception): ...


slow = Slow()
one_step = Step()
steps = [Step()]


def settings(projector: str = f"{HERE}:Orders", **more: Any) -> ProjectionSettings:
    source = {"from": "main", "topics": ["orders"]} | more.pop("source", {})
    return ProjectionSettings.model_validate({"projector": projector, "source": source, **more})


def made(projection: ProjectionSettings, **kafka: Any) -> Parts:
    given = {"kafka": {"bootstrap_servers": ["localhost:9092"], **kafka}}
    return parts("orders", projection, SourceSettings.model_validate(given))


def test_import_strings_become_the_objects() -> None:
    found = made(
        settings(
            upcasters=[f"{HERE}:steps"], transient=[f"{HERE}:Away"], source={"codec": "envelope"}
        ),
    )

    assert found.projector.handles == {"OrderPlaced"}
    assert found.transient == (Away,)
    assert found.upcasting.versions == {"OrderPlaced": 2}
    assert isinstance(found.codec, Envelope)


def test_a_codec_may_have_places_or_be_ones_own() -> None:
    places = {"json": {"type": "field:kind", "id": "header:id"}}

    assert isinstance(made(settings(source={"codec": places})).codec, Json)
    assert isinstance(
        made(settings(source={"codec": "consumer.adapters.codecs.envelope:Envelope"})).codec,
        Envelope,
    )


def test_all_that_is_wrong_is_told_at_once_each_with_its_place() -> None:
    wrong = settings(
        f"{HERE}:Nobody",
        upcasters=[f"{HERE}:one_step", f"{HERE}:Away"],
        transient=[f"{HERE}:Orders"],
        source={"codec": {"json": {"type": "nonsense"}}},
    )

    with pytest.raises(Misconfigured) as raised:
        made(wrong)

    lines = str(raised.value).splitlines()
    for place in (
        "projections.orders.projector: ",
        "projections.orders.source.codec: ",
        "projections.orders.upcasters[1]: ",
        "projections.orders.transient[0]: ",
    ):
        assert any(line.startswith(place) for line in lines), (place, lines)
    assert len(lines) == 4


def test_upcasters_that_take_the_same_step_twice_are_refused() -> None:
    with pytest.raises(Misconfigured, match=r"projections\.orders\.upcasters: two upcasters"):
        made(settings(upcasters=[f"{HERE}:one_step", f"{HERE}:steps"]))


@pytest.mark.parametrize(
    ("projector", "expected"),
    [
        ("Nameless", "Nameless has no name"),
        ("Unclear", "projector: handles is 'OrderPlaced': make it a set"),
    ],
)
def test_an_object_that_is_no_projector_is_refused(projector: str, expected: str) -> None:
    with pytest.raises(Misconfigured, match=expected):
        made(settings(f"{HERE}:{projector}"))


def test_a_projector_of_coroutines_is_waited_for_and_closed() -> None:
    made_of = made(settings(f"{HERE}:slow"))

    made_of.loop.wait(made_of.projector.apply(BATCH))
    made_of.close()

    assert slow.calls == ["apply", "close"]
