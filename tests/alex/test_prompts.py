from __future__ import annotations

import json

import pytest

from cadence.alex.grounding import Claim, Fault, Verdict
from cadence.alex.prompts import (
    ANSWER_CHARACTERS_MAX,
    RULES,
    SCHEMA,
    SOURCES_MAX,
    TEXT_CHARACTERS_MAX,
    NoAnswer,
    again,
    claims_of,
    prompt_text,
    reasons,
    retelling,
)
from cadence.alex.prose import Told
from tests.alex.grounds import NAMES, source


def segment(**changed: object) -> str:
    return json.dumps({"segments": [{"speaker": "vera", "sources": [1], "text": "Vera says so."} | changed]})


def test_a_prompt_is_voice_rules_people_what_was_told_and_then_the_lines() -> None:
    lines = [source("Ask 'why'?\n{\"x\": 1}"), source("No.", "pell", 2, objects=True, addressee="Vera")]
    told = [Told("odile", "Odile says hello.", ((9, 0),), 3)]
    call = retelling("Be brief.", lines, told, 24, names=NAMES, pronouns={"vera": "she/her"})
    system, user = call.messages
    assert system.text == f"Be brief.\n\n{RULES}"
    assert user.text.splitlines() == [
        "Told before:",
        '{"speaker": "odile", "told": "Odile says hello."}',
        "",
        "People:",
        '{"id": "pell", "name": "Pell"}',
        '{"id": "vera", "name": "Vera", "pronouns": "she/her"}',
        "",
        "To be told:",
        '{"number": 1, "speaker": "vera", "text": "Ask \'why\'?\\n{\\"x\\": 1}"}',
        '{"number": 2, "speaker": "pell", "answers": "Vera", "objects_to": "Vera", "text": "No."}',
        "",
        'Answer with JSON: {"segments": [{"speaker": id, "sources": [numbers], "text": sentence}]},'
        " at most 24 words of text in all.",
    ]
    assert call.schema is not None and prompt_text(call).startswith("[system]\nBe brief.")


def test_a_longer_past_leaves_the_beginning_of_a_prompt_as_it_is() -> None:
    def prompt(*told: str) -> str:
        segments = [Told("vera", text, ((1, 0),), 3) for text in told]
        return prompt_text(retelling("v", [source()], segments, 12, names=NAMES, pronouns={}))

    one, two = prompt("Vera says a."), prompt("Vera says a.", "Vera says b.")
    shared = next(i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b)
    assert '"told": "Vera says a."}\n' in one[:shared]


def test_a_second_attempt_says_what_was_wrong() -> None:
    call = retelling("", [source()], (), 12, names=NAMES, pronouns={})
    second = again(call, "rubbish", reasons(Verdict((Fault("names", 0, "got X"),))))
    assert second.messages[:2] == call.messages
    assert [message.role for message in second.messages[2:]] == ["assistant", "user"]
    assert "segment 1: got X" in second.messages[3].text


def test_an_answer_is_read_also_out_of_a_fence() -> None:
    expected = (Claim(("vera",), (1,), "Vera says so."),)
    assert claims_of(segment()) == expected
    assert claims_of(f"```json\n{segment()}\n```") == expected


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Sure! Here it is.",
        segment()[:-2],
        "[]",
        segment(speaker=7),
        segment(sources=["1"]),
        segment(sources=list(range(SOURCES_MAX + 1))),
        segment(text="x" * (TEXT_CHARACTERS_MAX + 1)),
        "[" * 100_000,
        '{"segments": []}' + " " * ANSWER_CHARACTERS_MAX + "x",
        "\ud800",
    ],
)
def test_what_is_no_answer_is_told_apart(answer: str) -> None:
    try:
        assert claims_of(answer) == ()
    except NoAnswer as error:
        assert str(error).startswith("expected JSON")


def test_the_schema_lets_a_model_cite_as_many_sources_as_are_read_and_no_more() -> None:
    fields = SCHEMA["properties"]["segments"]["items"]["properties"]  # type: ignore[index]
    most = fields["sources"]["maxItems"]
    assert len(claims_of(segment(sources=[*range(most)]))[0].sources) == most
    with pytest.raises(NoAnswer):
        claims_of(segment(sources=[*range(most + 1)]))
