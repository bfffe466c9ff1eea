"""The card shows what the alloy says, and only that."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from markdown_it import MarkdownIt

from cadence.factory.alloy.card import card
from cadence.factory.alloy.core import Alloy
from cadence.factory.alloy.hashes import alloy_hash, card_hash
from tests.factory.alloy.examples import ALL, Value, forged, loaded, recipe, ticket
from tests.factory.alloy.test_markdown import HOSTILE

RENDER = MarkdownIt("commonmark", {"html": True}).enable("table").render
TAGS = {
    "h1",
    "h2",
    "h3",
    "p",
    "blockquote",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "ul",
    "li",
    "code",
    "pre",
    "a",
}
TAGS |= {"strong", "hr"}


def typed(value: Value) -> Alloy:
    alloy = loaded(value).alloy
    assert alloy is not None, loaded(value).problems
    return alloy


def body(text: str) -> str:
    return text.split("\n---\n", 1)[1]


def test_a_users_card_says_how_good_where_and_what_not() -> None:
    text = card(typed(forged()))
    assert "# small-moe-compacted 1.0.1" in text
    assert "| humaneval | pass&#64;1 | 90 | 96 | -6 |" in text
    assert "Scores are in points, 0 to 100." in text
    assert "Anchor (published): the pipeline reproduced the score" in text
    assert "| some card | Q5\\_K\\_M | 3.6 | - | - | estimated |" in text
    assert "- One benchmark only." in text
    assert "How it was made" not in text


def test_a_researchers_card_says_how_it_was_made_and_what_was_tried() -> None:
    value = forged()
    value["priorMetricBaselines"] = [{"name": "l2", "metric": "humaneval", "value": 78.7, "note": "worse"}]
    value["results"]["samples"] = [{"label": "Sort", "prompt": "def sort(x):", "completion": "    return sorted(x)"}]
    text = card(typed(value), "researcher")
    assert "### 1. expert-activation-profile" in text
    assert "> Counted over the whole corpus." in text
    assert "- `prunePct`: `25.0`" in text
    assert "| l2 | humaneval | humaneval 78.7 | - | worse |" in text
    assert "**Sort**" in text


@pytest.mark.parametrize("example", ALL, ids=lambda one: one.__name__)
@pytest.mark.parametrize("view", ["user", "researcher"])
def test_every_domain_has_a_card_that_is_the_same_each_time(example: Any, view: Any) -> None:
    first, second = card(typed(example()), view), card(typed(example()), view)
    assert first == second
    assert alloy_hash(example()) in first


def test_card_and_alloy_name_each_other_without_a_cycle() -> None:
    value = forged()
    made = card(typed(value))
    with_receipt = value | {"receipt": {"issuedAt": "2026-05-01T00:00:00Z", "cardHash": card_hash(made)}}
    assert card(typed(with_receipt)) == made
    assert card_hash(card(typed(with_receipt))) == with_receipt["receipt"]["cardHash"]


def test_the_same_score_as_a_fraction_is_shown_in_points() -> None:
    value = forged()
    value["results"]["benchmarks"][0] |= {"unit": "fraction", "score": 0.9, "baseScore": 0.96, "delta": -0.06}
    assert "| 90 | 96 |" in card(typed(value))


def test_a_unit_that_is_not_known_is_said_so() -> None:
    value = forged()
    value["results"]["benchmarks"][0] |= {"unit": None, "score": 0.9, "baseScore": 0.96, "delta": -0.06}
    assert "The unit of some scores is not known" in card(typed(value))


def test_an_anchor_that_does_not_hold_is_never_praised() -> None:
    value = forged()
    anchor = value["stages"][3]["calibrationAnchor"]
    anchor["measuredScore"] = 90.0
    assert "did not reproduce" in card(typed(value))
    anchor |= {"publishedScore": None, "measuredScore": 96.0}
    assert "nothing else shows that the pipeline measures right" in card(typed(value))
    del value["stages"][3]["calibrationAnchor"]
    assert "was not measured as an anchor" in card(typed(value))


def poisoned(value: Any, poison: str) -> Any:
    """Every text that may be anything is replaced."""
    fixed = {"type", "version", "method", "strategy", "format", "trustLevel", "unit", "lossType", "decision"}
    if isinstance(value, dict):
        return {key: one if key in fixed else poisoned(one, poison) for key, one in value.items()}
    if isinstance(value, list):
        return [poisoned(one, poison) for one in value]
    return poison if isinstance(value, str) else value


@pytest.mark.parametrize("poison", HOSTILE)
def test_no_text_of_an_alloy_can_do_anything_on_its_card(poison: str) -> None:
    for value in (forged(), recipe(), ticket()):
        bad = poisoned(value, poison) | ({"domains": value["domains"]} if "domains" in value else {})
        if "methodologyPaperUrl" not in bad and value["name"] != "seat-4b":
            bad["methodologyPaperUrl"] = poison
        alloy = loaded(bad).alloy
        assert alloy is not None, loaded(bad).problems
        rendered = RENDER(body(card(alloy, "researcher")))
        assert set(re.findall(r"<([a-z0-9]+)", rendered)) <= TAGS
        assert "javascript:" not in "".join(re.findall(r'href="([^"]*)', rendered))
        assert len(re.findall("<h1>", rendered)) == 1


def test_the_front_matter_holds_one_value_a_line() -> None:
    value = forged() | {"license": 'x"\n---\nevil: true', "tags": ["a\u2028b", "é\U0001f600"]}
    head = card(typed(value)).split("\n---\n", 1)[0].splitlines()
    assert [one.split(":")[0] for one in head] == ["---", "license", "tags", "base_model"]
    assert json.loads(head[2].removeprefix("tags: ")) == ["a b", "é\U0001f600"]
