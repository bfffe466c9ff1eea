from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.fields import Report
from cadence.personas.cards import Card, Manner, name_complaint, name_key, parse_card

FRONT = 'name = "Mira"\npronouns = "she/her"\n'


def parse(text: str) -> tuple[Card | None, list[str]]:
    report = Report("personas/mira.md")
    card = parse_card("mira", text, report)
    return card, [str(problem).removeprefix("personas/mira.md:").strip() for problem in report.all()]


def test_a_card_is_its_front_matter_and_the_prompt_after_it() -> None:
    card, problems = parse(f'+++\n{FRONT}voice = "low"\n+++\n\nYou are Mira.\n\nYou count.\n')
    assert card == Card("mira", "Mira", "she/her", "You are Mira.\n\nYou count.", voice="low")
    assert problems == []


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    card, _ = parse(f"\ufeff+++\n{FRONT}+++\nYou.".replace("\n", "\r\n"))
    assert card is not None and card.name == "Mira"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1: expected the first line to be `+++` (TOML front matter), got something else"),
        ("---\nname: Mira\n---\n", "1: expected the first line to be `+++` (TOML front matter), got something else"),
        (f"+++\n{FRONT}", "3: expected a second line `+++` to end the front matter, got none"),
        (f"+++\n{FRONT}+++\n \n", "4: expected the prompt after the front matter, got nothing"),
        ("+++\nname = \n+++\nYou.", "2: expected TOML, but: "),
        ("+++\nname = 'a\n+++\nYou.", "2: expected TOML, but: "),
        (f"+++\n{FRONT}mood = 'x'\n+++\nYou.", "4: `mood`: unknown key; the nearest known key is `model`"),
        ("+++\nname = 'M'\n+++\nYou.", "`pronouns`: missing; expected a string of 1 to 40 characters"),
        ("+++\nname = 7\npronouns = 'x'\n+++\nYou.", "2: `name`: expected a string of 1 to 40 characters, got 7"),
        (
            "+++\nname = ' M'\npronouns = 'x'\n+++\nYou.",
            "2: `name`: expected the name in its plain form (NFKC, single spaces): 'M'",
        ),
    ],
)
def test_a_broken_card_names_the_line_or_the_field(text: str, problem: str) -> None:
    card, problems = parse(text)
    assert card is None
    assert problems[0].startswith(problem)


def test_all_problems_of_a_card_are_told_at_once() -> None:
    _, problems = parse("+++\nname = 7\nvoice = 8\nmodle = 'x'\n+++\n")
    assert len(problems) == 5  # the prompt, an unknown key, two wrong types, a missing field


@pytest.mark.parametrize("name", ["Mira", "Zoë", "李雷", "Ada B.", "می\u200cخواهم"])
def test_an_ordinary_name_is_accepted(name: str) -> None:
    assert name_complaint(name) is None


@pytest.mark.parametrize("name", ["a\nb", "a\u202eb", "a\x00", "Ｍira", "a  b", " a", "a\u00a0b", "\u200d"])
def test_a_name_that_deceives_is_refused(name: str) -> None:
    assert name_complaint(name) is not None


def test_names_that_sound_alike_share_a_key() -> None:
    assert name_key("MIRA") == name_key("mi\u200dra") != name_key("mirab")


@given(st.text() | st.text(alphabet='+\n="name[]{}', max_size=60).map(lambda text: "+++\n" + text))
def test_no_text_whatever_makes_parsing_fail(text: str) -> None:
    card, problems = parse(text)
    assert (card is None) == bool(problems)


def test_a_card_with_a_model_is_a_mind_with_manners() -> None:
    more = (
        'model = "small"\ninterests = ["harbours", "boats"]\nsilence_s = 0\nanswer_tokens = 200\ntemperature = 1.0\n'
        'tools = ["python", "calculate", "python"]\n'
    )
    card, problems = parse(f"+++\n{FRONT}{more}+++\nYou are Mira.\n")
    assert problems == [] and card is not None
    assert card.manner == Manner(("harbours", "boats"), 0.0, 200, 1.0, ("python", "calculate"))
    assert (card.model, card.model_line, card.model_at) == ("small", 4, "personas/mira.md:4")


def test_a_card_without_a_model_has_no_line_for_it() -> None:
    card, _ = parse(f"+++\n{FRONT}+++\nYou are Mira.\n")
    assert card is not None and card.manner == Manner() and card.model_at == "personas/mira.md"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            'tools = ["calculat"]',
            '4: `tools`: expected tools out of calculate, python; the nearest to "calculat" is `calculate`',
        ),
        ("silence_s = -1", "4: `silence_s`: expected a number >= 0.0, got -1"),
        ("answer_tokens = 3", "4: `answer_tokens`: expected a whole number >= 16, got 3"),
        ("temperature = 9", "4: `temperature`: expected a number <= 2.0, got 9"),
        ("interests = 3", "4: `interests`: expected a list, got 3"),
    ],
)
def test_what_is_wrong_with_a_manner_is_told_by_line(line: str, problem: str) -> None:
    assert parse(f"+++\n{FRONT}{line}\n+++\nYou are Mira.\n")[1] == [problem]
