"""The mood of a room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.lod.mood import Feeling, Mood
from cadence.lod.stance import Stance

LINE = "The cache loses about forty writes whenever the second node restarts under load."


def heard(*messages: tuple[str, Stance | None], gap: float = 1.0, answers: bool = False) -> Mood:
    mood = Mood()
    for number, (text, stance) in enumerate(messages):
        mood.hear(100.0 + gap * number, text, 13, stance, answers=answers)
    return mood


def test_a_silent_room_has_no_mood() -> None:
    assert Mood().at(5.0) == Feeling() and Mood().at(5.0).at_rest


@pytest.mark.parametrize(("gap", "energy"), [(1.0, 0.9), (4.0, 0.5), (30.0, 0.1)])
def test_energy_follows_the_words_a_minute(gap: float, energy: float) -> None:
    mood = heard(*[(LINE, None)] * 90, gap=gap)
    assert mood.at(100.0 + 89 * gap).energy == pytest.approx(energy, abs=0.1)


def test_energy_fades_in_silence_and_rests() -> None:
    mood = heard(*[(LINE, None)] * 60)
    energies = [mood.at(159.0 + seconds).energy for seconds in (0, 40, 80, 160, 320)]
    assert energies == sorted(energies, reverse=True)
    assert energies[-1] == 0.0 and mood.at(500.0).at_rest


def test_agreement_warms_and_objections_cool() -> None:
    assert heard(("+1", "agreement"), ("Exactly.", "agreement"), ("Agreed.", "agreement")).at(103.0).warmth == 0.6
    assert heard(("No, it is not.", "objection"), ("But it is.", "objection")).at(102.0).warmth == -0.5
    assert heard(("+1", "agreement"), ("No.", "objection")).at(102.0).warmth == 0.0


def test_kind_words_warm_by_half() -> None:
    assert heard(*[("Thanks, that helps a lot.", None)] * 4).at(104.0).warmth == 0.5
    assert heard(*[("Thankless work, all of it.", None)] * 4).at(104.0).warmth == 0.0


def test_warmth_is_forgotten() -> None:
    mood = heard(*[("+1", "agreement")] * 3)
    assert mood.at(103.0).warmth == 0.6 and mood.at(1_000.0).warmth == 0.0


@pytest.mark.parametrize(
    "text",
    ["It turns out the lease was never renewed after the restart.", "Found it: the clock of node two runs late."],
)
def test_something_becomes_clear_for_a_while(text: str) -> None:
    mood = heard((text, None))
    assert mood.at(101.0).insight and mood.at(119.0).insight and not mood.at(120.5).insight


def test_an_answer_in_substance_makes_clear_and_an_objection_does_not() -> None:
    assert heard((LINE, None), answers=True).at(101.0).insight
    assert not heard((LINE, "objection"), answers=True).at(101.0).insight
    assert not heard((LINE, None)).at(101.0).insight


@given(
    st.lists(st.tuples(st.floats(0, 1e9), st.text(max_size=40), st.integers(0, 10_000)), max_size=20), st.floats(0, 1e9)
)
def test_whatever_is_said_the_mood_stays_within_its_bounds(said: list[tuple[float, str, int]], now: float) -> None:
    mood = Mood()
    for at, text, words in said:
        mood.hear(at, text, words, None, answers=True)
    feeling = mood.at(now)
    assert 0.0 <= feeling.energy <= 1.0 and -1.0 <= feeling.warmth <= 1.0
