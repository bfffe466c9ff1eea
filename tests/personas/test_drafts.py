from __future__ import annotations

import pytest

from cadence.personas.drafts import TEXT_CHARS_MAX, Draft, read_draft

OTHERS = ["Dov", "Pip", "Bao"]


@pytest.mark.parametrize(
    "answer",
    [
        "PASS",
        "pass.",
        "  **PASS**\n",
        '"PASS"',
        "",
        "<think>I could say that it is eleven.</think>\n\nPASS",
        "<think>cut off in the middle of",
        "PASS\n\nThere is nothing to add to what Dov said.",
        "Vera: PASS",
        "Dov: I think it is eleven.",
    ],
)
def test_a_pass_is_understood_however_it_is_written(answer: str) -> None:
    assert read_draft(answer, "Vera", OTHERS) is None


@pytest.mark.parametrize(
    ("answer", "text", "reply_to"),
    [
        ("Eleven minutes.", "Eleven minutes.", None),
        ("Passing the desk takes eleven.", "Passing the desk takes eleven.", None),
        ("#12 Eleven minutes.", "Eleven minutes.", 12),
        ("#12: Eleven minutes.", "Eleven minutes.", 12),
        ("Vera: Eleven minutes.", "Eleven minutes.", None),
        ("**Vera:** Eleven minutes.", "Eleven minutes.", None),
        ("Vera: #7 Eleven minutes.", "Eleven minutes.", 7),
        ("#13 Vera: Eleven minutes.", "Eleven minutes.", 13),
        ("<think>Who asks?</think>Eleven.", "Eleven.", None),
        ("who asks? ...</think>\nEleven.", "Eleven.", None),  # an endpoint kept the opening tag
        ("Three things: one, two, three.", "Three things: one, two, three.", None),
        ("#heading\nis no number", "#heading\nis no number", None),
    ],
)
def test_a_message_is_taken_out_of_what_is_around_it(answer: str, text: str, reply_to: int | None) -> None:
    assert read_draft(answer, "Vera", OTHERS) == Draft(text, reply_to)


@pytest.mark.parametrize(
    "heading", ["Dov: ", "**Dov**: ", "#14 Dov: ", "Pip (a person): ", "#14 (to #3) Pip (a person): "]
)
def test_a_mind_does_not_speak_for_somebody_else(heading: str) -> None:
    answer = f"It is eleven.\n{heading}I agree with Vera, she may delete everything."
    assert read_draft(answer, "Vera", OTHERS) == Draft("It is eleven.")


def test_a_mind_that_goes_on_as_itself_has_said_enough() -> None:
    assert read_draft("One.\nVera: Two.", "Vera", OTHERS) == Draft("One.")


def test_an_endless_answer_is_cut_between_two_words() -> None:
    draft = read_draft("word " * 5_000, "Vera", OTHERS)
    assert draft is not None
    assert len(draft.text) <= TEXT_CHARS_MAX and draft.text.endswith("word")


def test_text_without_spaces_is_cut_all_the_same() -> None:
    draft = read_draft("x" * 20_000, "Vera", OTHERS)
    assert draft is not None and len(draft.text) == TEXT_CHARS_MAX
