"""A pack learns which words minutes take up, and a digest with it shows those first."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from cadence.lod.digest import LOOK_BACK, SpeakerMemory, rank
from cadence.lod.pack import Pack, PackError, Talk, count, from_json, talk_of
from cadence.lod.terms import Background
from cadence.lod.units import Unit

CHATTER = [f"chat{i}" for i in range(40)]
MATTERS = [f"matter{i}" for i in range(10)]


def talks(number: int = 30) -> list[Talk]:
    """Talks of which the minutes mention what matters, and none of the chatter."""
    chance = random.Random(5)
    found = []
    for _ in range(number):
        units = tuple((*chance.sample(CHATTER, 3), chance.choice(MATTERS)) for _ in range(20))
        found.append(Talk(units, frozenset(term for unit in units for term in unit if term in MATTERS)))
    return found


@pytest.fixture(scope="module")
def pack() -> Pack:
    return count(talks())


def test_words_that_minutes_take_up_are_worth_more(pack: Pack) -> None:
    priors = pack.priors(["matter1", "chat1", "never heard"])
    worth = pack.worth(priors, np.ones(3), np.ones(3))
    assert priors[0] > priors[1]
    assert worth[0] > 5 * worth[1]
    assert pack.worth(priors, np.zeros(3), np.ones(3)).tolist() == [0.0, 0.0, 0.0]


def test_a_digest_shows_what_the_pack_knows_to_matter(pack: Pack) -> None:
    units = [
        Unit(1, 0, "ada", 1.0, 5, "x", ("chat1", "chat2", "chat3"), False, 1.0, None, 0, 1),
        Unit(2, 0, "ada", 2.0, 5, "x", ("matter1", "chat4"), False, 1.0, None, 0, 1),
    ]
    background = Background()

    def first() -> int:
        return rank(units, np.ones(2), background, SpeakerMemory(), 0.0, 5, weigh=LOOK_BACK).select(5)[0]

    assert first() == 0
    background.pack = pack
    assert first() == 1


def test_a_pack_survives_being_written(pack: Pack) -> None:
    assert from_json(pack.to_json()) == pack


def test_the_same_talks_teach_the_same(pack: Pack) -> None:
    assert count(talks()).to_json() == pack.to_json()


def test_a_talk_is_read_from_minutes_or_from_a_meeting() -> None:
    plain = {"said": ["The pump failed."], "minutes": "Pump failure."}
    meeting = {
        "meeting_transcripts": [{"speaker": "A", "content": "Um, the pump failed."}],
        "general_query_list": [{"query": "What?", "answer": "Pump failure."}],
    }
    one, other = talk_of(json.dumps(plain)), talk_of(json.dumps(meeting))
    assert one == other == Talk((("pump", "fail"),), frozenset({"pump", "failur"}))


@pytest.mark.parametrize("line", ["", "[]", "{}", "7", '{"said": 1, "minutes": "x"}', '{"meeting_transcripts": [3]}'])
def test_a_line_that_is_no_talk_is_refused(line: str) -> None:
    with pytest.raises(PackError, match="expected a JSON object with `said` and `minutes`"):
        talk_of(line)


def test_too_few_talks_teach_nothing() -> None:
    with pytest.raises(PackError, match="at least 5 talks with minutes, got 4"):
        count([*talks(4), Talk((), frozenset({"x"})), Talk((("x",),), frozenset())])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"pack": 2, "talks": 9, "weights": [0, 0, 0, 0], "words": {}}',
        '{"pack": 1, "talks": 9, "weights": [0, 0, 0], "words": {}}',
        '{"pack": 1, "talks": 9, "weights": [0, 0, 0, NaN], "words": {}}',
        '{"pack": 1, "talks": 9, "weights": [0, 0, 0, 0], "words": {"pump": [3, 2]}}',
        '{"pack": 1, "talks": 9, "weights": [0, 0, 0, 0], "words": {"pump": 3}}',
        '{"pack": 1, "talks": 9, "weights": [0, 0, 0, 0], "words": {"pump": [-1, 2]}}',
    ],
)
def test_what_is_no_pack_is_refused(text: str) -> None:
    with pytest.raises(PackError, match="expected a pack of version 1"):
        from_json(text)
