"""Each refusal of the templates is tried, says of which projection or setting it is, and what to do."""

from __future__ import annotations

import re

import pytest

from tests.helm import test_refused, test_refused_scaling, test_refused_secrets
from tests.helm.conftest import CHART, SHOP, Refused, Template

#: How a refusal says what to do.
ADVICE = re.compile(
    r"\b([Gg]ive|[Kk]eep|[Ll]eave|[Ll]ower|[Nn]ame|[Pp]ut|[Rr]aise|[Ss]ay|[Tt]ake) |may go to 0|does what|is for the chart"
)

TEXTS = [
    text
    for file in sorted((CHART / "templates").glob("_*.tpl"))
    for text in re.findall(r'fail \(printf "([^"]+)"', file.read_text())
]


def pattern(text: str) -> re.Pattern[str]:
    """A refusal's words, whatever they are filled with."""
    return re.compile(re.sub(r"%[a-z]", ".+", re.escape(text)))


def test_every_refusal_is_written_so_that_it_is_found_here() -> None:
    files = (CHART / "templates").rglob("*.*")
    assert sum(len(re.findall(r"\bfail\b", file.read_text())) for file in files) == len(TEXTS)
    assert len(TEXTS) >= 24


def test_every_refusal_is_tried_and_says_where_and_what_to_do(template: Template) -> None:
    said = []
    for values, _ in [
        *test_refused.MUST_REJECT.values(),
        *test_refused_secrets.MUST_REJECT.values(),
        *test_refused_scaling.MUST_REJECT.values(),
    ]:
        with pytest.raises(Refused) as refused:
            template(SHOP, values)
        said += re.findall(r"execution error at \(.*?\): (.*)", str(refused.value))
    assert [text for text in TEXTS if not any(map(pattern(text).fullmatch, said))] == []
    assert [line for line in said if not re.match(r"(projections[.]|settings[.])[a-z]", line)] == []
    assert [line for line in said if not ADVICE.search(line)] == []
