from __future__ import annotations

import numpy as np

from cadence.alex.selection import Candidate, attend, choose
from cadence.lod.digest import SpeakerMemory
from cadence.lod.terms import Background
from cadence.rooms.wire import Focus, View
from tests.alex.talk import entry


def candidate(seq: int, text: str, speaker: str = "vera", *, urgent: bool = False, pod: str | None = None) -> Candidate:
    said = entry(seq, text, speaker, **({"pod": pod} if pod else {}))
    return Candidate(said, said.parsed.units[0], urgent)


def weights(candidates: list[Candidate], near: set[str] | None = None, **view: object) -> list[float]:
    ages = np.zeros(len(candidates))
    return attend(candidates, ages, View(**view), near or set(), Background()).tolist()  # type: ignore[arg-type]


def test_a_near_speaker_weighs_as_the_law_says_at_each_sigma() -> None:
    two = [candidate(1, "one thing", "vera"), candidate(2, "other thing", "otto")]
    for sigma, ratio in ((0.5, 7.4), (1.0, 1.65), (2.0, 1.13)):
        near, far = weights(two, {"vera"}, sigma=sigma)
        assert round(near / far, 2 if ratio < 2 else 1) == ratio


def test_another_pod_is_one_step_further() -> None:
    here, there = weights([candidate(1, "one", pod="east"), candidate(2, "two", pod="west")], focus=Focus(pod="east"))
    assert here == 1.0
    assert there < 0.7


def test_urgent_units_have_all_attention() -> None:
    assert weights([candidate(1, "one", "vera"), candidate(2, "two", "otto", urgent=True)], {"vera"}, sigma=0.3)[1] == 1


def chosen(candidates: list[Candidate], budget: float) -> list[int]:
    memory = SpeakerMemory()
    picks = choose(candidates, np.ones(len(candidates)), budget, Background(), memory, 0.0)
    assert all(memory.reward(pick.unit.speaker, 0.0) > 0 for pick in picks)
    return [pick.unit.seq for pick in picks]


def test_urgent_units_come_first_and_the_last_may_overdraw() -> None:
    plain = candidate(1, "Plain words about the second replica.", "vera")
    urgent = [candidate(seq, "Reader, please say what you think of it.", "otto", urgent=True) for seq in (2, 3, 4)]
    assert chosen([plain, *urgent], 9.0) == [2, 3]  # 8 words each: the second overdraws and ends the turn


def test_what_does_not_fit_beside_urgent_text_is_left() -> None:
    plain = candidate(1, "Plain words about the second replica and its many faults.", "vera")
    assert chosen([plain, candidate(2, "Reader, what now?", "otto", urgent=True)], 6.0) == [2]


def test_an_otherwise_empty_turn_takes_one_unit_that_overdraws() -> None:
    texts = ("Plain words about the second replica.", "Other words about the third replica.")
    assert len(chosen([candidate(i + 1, text) for i, text in enumerate(texts)], 2.0)) == 1
