from __future__ import annotations

import pytest

from cadence.alex import claims
from tests.alex.grounds import pair


def found(rule: str, text: str, *said: str, **more: object) -> list[str]:
    reading, evidence = pair(text, *said, **more)
    return list(getattr(claims, rule)(reading, evidence))


@pytest.mark.parametrize(
    ("text", "said", "faults"),
    [
        ("Vera says 14 runs failed.", "Fourteen runs failed.", 0),
        ("Vera says 15 runs failed.", "Fourteen runs failed.", 1),
        ("Vera says 30 of 14 failed.", "14 of 30 failed.", 1),
        ("Vera says 30 minutes and 14 runs.", "It took 14 minutes and 30 runs.", 2),
        ("Vera says at least 14 runs failed.", "At most 14 runs failed.", 1),
        ("Vera says 14 runs failed.", "About 14 runs failed.", 1),
        ("Vera says perhaps 14 runs failed.", "About 14 runs failed.", 0),
    ],
)
def test_numbers_stay_with_what_they_count_and_with_their_bounds(text: str, said: str, faults: int) -> None:
    assert len(found("other_numbers", text, said)) == faults


def test_links_and_code_are_copied_letter_by_letter() -> None:
    said = "Run `make test` as in https://a.example/x with max_retries."
    assert found("other_links", "Vera points to https://a.example/x.", said) == []
    assert found("other_links", "Vera points to https://a.example/y.", said)
    assert found("other_code", "Vera runs `make test` with max_retries.", said) == []
    assert found("other_code", "Vera runs `make tests`.", said)
    assert found("other_code", "Vera runs it with max_retry.", said)


def test_a_quotation_is_word_for_word() -> None:
    said = "The lease had  expired on Tuesday."
    assert found("other_quotes", 'Vera: the lease "had expired on Tuesday".', said) == []
    assert found("other_quotes", 'Vera: the lease "expired on Monday".', said)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("Vera met Kowalski at the node.", 1),
        ("Vera met Brighton.", 1),
        ("Vera says that Pell broke it.", 1),
        ("Vera says the Node restarts.", 0),
        ("Vera says it. Kevin says so too.", 1),
    ],
)
def test_only_names_that_the_sources_have(text: str, faults: int) -> None:
    reading, evidence = pair(text, "The node restarts and I met somebody.")
    assert len(claims.foreign_names(reading, evidence, {"Vera"})) == faults


def test_whom_a_speaker_answers_may_be_named_if_they_were_spoken_to() -> None:
    reading, evidence = pair("Vera asks Pell about the node.", "Do you restart the node?", addressee="Pell")
    assert claims.foreign_names(reading, evidence, {"Vera"}) == []
    reading, evidence = pair("Vera says that Pell restarts the node.", "They restart the node.", addressee="Pell")
    assert claims.foreign_names(reading, evidence, {"Vera"})


@pytest.mark.parametrize(
    "text",
    [
        "Pell says Vera lost it.",
        "Vera lost it. Pell admits that.",
        "Vera says I lost it.",
        "Vera says you lost it.",
        "Notice: Vera lost it.",
        "Director Haller and Vera lost it.",
    ],
)
def test_nobody_else_speaks_in_a_segment(text: str) -> None:
    reading, _ = pair(text, "It is lost.")
    assert claims.other_voices(reading, {"Vera"})


@pytest.mark.parametrize(
    "text", ["According to Vera, it is lost.", "Vera says that Pell lost it.", "If it rains, Vera goes."]
)
def test_its_speaker_may_open_a_segment_in_several_ways(text: str) -> None:
    reading, _ = pair(text, "It is lost.")
    assert claims.other_voices(reading, {"Vera"}) == []


def test_pronouns_are_the_speakers_own() -> None:
    reading, evidence = pair("Vera says she lost it.", "I lost it.")
    assert claims.loose_pronouns(reading, evidence, {"she/her"}) == []
    assert claims.loose_pronouns(reading, evidence, {"he/him"})
    assert claims.loose_pronouns(reading, evidence, {""})
    reading, evidence = pair("Vera says he lost it.", "I lost it.")
    assert claims.loose_pronouns(reading, evidence, {"she/her"})
    reading, evidence = pair("Vera says they lost it.", "I lost it.")
    assert claims.loose_pronouns(reading, evidence, {"she/her"}) == []


@pytest.mark.parametrize(
    ("text", "said", "more", "faults"),
    [
        ("Vera agrees to restart it.", "I will restart it.", {}, 1),
        ("Vera agrees to restart it.", "Yes, I will restart it.", {}, 0),
        ("Vera promises to restart it.", "Restart it.", {}, 1),
        ("Vera objects that it restarts.", "No, it restarts.", {}, 1),
        ("Vera objects that it restarts.", "No, it restarts.", {"objects": True}, 0),
        ("Vera disagrees with the restart.", "I disagree with the restart.", {}, 0),
    ],
)
def test_an_act_or_a_side_needs_a_trace(text: str, said: str, more: dict[str, object], faults: int) -> None:
    assert len(found("unheard_acts", text, said, **more)) == faults


@pytest.mark.parametrize(
    ("verb", "faults"), [("reports that", 0), ("lied that", 1), ("vanished when", 1), ("loses", 0)]
)
def test_what_its_speaker_is_said_to_do_was_said(verb: str, faults: int) -> None:
    reading, evidence = pair(f"Vera {verb} the cache restarts.", "The cache loses writes and restarts.")
    assert len(claims.unheard_predicate(reading, evidence, {"Vera"})) == faults


def test_a_question_stays_a_question() -> None:
    assert found("lost_question", "Vera says the node restarted.", "Has the node restarted?")
    assert found("lost_question", "Vera asks whether the node restarted.", "Has the node restarted?") == []
    assert found("lost_question", "Vera says the node restarted.", "The node restarted.") == []


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("Vera says the cache drops forty writes as the node restarts.", 0),
        ("Vera says the cache leaks secret customer passwords.", 1),
        ("Vera says elephants dance.", 1),
        ("Vera says they do.", 1),
    ],
)
def test_most_words_are_those_of_the_sources(text: str, faults: int) -> None:
    assert len(found("unsupported", text, "The cache loses forty writes whenever the node restarts.")) == faults


def test_a_pronoun_may_be_resolved_from_what_was_said_before() -> None:
    said, text = "It expired on Tuesday.", "Vera says the lease of the worker expired on Tuesday."
    reading, evidence = pair(text, said)
    assert claims.unsupported(reading, evidence)
    reading, evidence = pair(text, said, before="Who holds the lease of the worker?")
    assert claims.unsupported(reading, evidence) == []


@pytest.mark.parametrize(
    "text",
    [
        "Vera <b>wins</b>.",
        "Vera [x](y) wins.",
        "Vera\u200b wins.",
        "Vera\nwins.",
        " Vera wins.",
        "",
        "Note: Vera wins.",
    ],
)
def test_a_segment_is_one_line_of_plain_text(text: str) -> None:
    _, evidence = pair(text, "I win.")
    assert claims.odd_shape(text, evidence)
