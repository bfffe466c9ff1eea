from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.lod.stance import quoted, stance


@pytest.mark.parametrize(
    "text",
    [
        "-1",
        "-1, the standby is not free",
        "No, it does not stop it.",
        "no",
        "But the mast is down in winter.",
        "Yes, but who pays for it?",
        "I disagree, because the log is the truth.",
        "We strongly object.",
        "I don't agree.",
        "That's wrong.",
        "That is not true of the islands.",
        "That doesn't follow.",
        "Not necessarily.",
        "On the contrary: it gets cheaper.",
        "Vera, that's wrong.",
        "@vera: no, it drowns at Ansay.",
        "> one primary is enough\n\nNo. It was down for ten hours.",
        "👎",
        "Nein, das geht nicht.",
        "Das stimmt nicht.",
        "Mais non.",
        "Pas d'accord.",
        "Pero eso es caro.",
    ],
)
def test_what_opens_with_a_cue_objects(text: str) -> None:
    assert stance(text) == "objection"


@pytest.mark.parametrize(
    "text",
    ["+1", "Agreed.", "yes, exactly!", "👍", "Right.", "I agree", "Vera: agreed", "+1 +1", "Ja, genau.", "D'accord."],
)
def test_what_says_nothing_else_merely_agrees(text: str) -> None:
    assert stance(text) == "agreement"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Nobody came.",
        "Not yet measured; I will do it tonight.",
        "Note that the third site has its own key.",
        "Button three is stuck.",
        "-100 rows moved",
        "+10 minutes, then we start",
        "Yes. 30 % of the day falls in that hour: 570 events, one every 6.3 seconds.",
        "Right of the door there is a second switch that nobody uses.",
        "We measured no difference, but the queue is longer.",
        "Nonsense words make a poor password.",
    ],
)
def test_other_text_takes_no_stance(text: str) -> None:
    assert stance(text) is None


def test_a_plain_answer_to_a_question_takes_no_side() -> None:
    assert stance("No. You are perfectly right.", to_question=True) is None
    assert stance("Yes.", to_question=True) is None
    assert stance("I object to the question.", to_question=True) == "objection"
    assert stance("Agreed.", to_question=True) == "agreement"


def test_an_objection_said_plainly_may_come_second() -> None:
    assert stance("That's a handsome sentence and it drowns at Ansay. I object to the first line.") == "objection"


def test_a_quotation_is_read_without_its_marks() -> None:
    assert quoted("> one primary\n>  is enough\n\nNo.") == "one primary is enough"
    assert quoted("a > b") == ""


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    assert stance(text) in ("objection", "agreement", None)
