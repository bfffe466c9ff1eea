"""Content stems in any language, and the room's own counts of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.lod import terms as module
from cadence.lod.languages import PLAIN
from cadence.lod.terms import Background, postings, surfaces, terms, variants


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("The queues are retrying the queue", "english", ("queue", "retri")),
        ("I think you know it is really okay, thanks", "english", ()),
        ("It 's what they don't say", "english", ()),
        ("Alex's parser broke v1.2.3", "english", ("alex", "parser", "broke", "v1.2.3")),
        ("The test of the system has a problem", "english", ("test", "system", "problem")),
        ("Die Warteschlangen sind voll", "german", ("warteschlang", "voll")),
        ("la file d’attente", "french", ("fil", "attent")),
        ("Я думаю об очередях", "russian", ("дума", "очеред")),
        ("队列已满", PLAIN, ("队列", "列已", "已满")),
        ("用Kafka", PLAIN, ("用", "kafka")),
        ("キューです", PLAIN, ("キュ", "ュー")),
        ("대기열", PLAIN, ("대기", "기열")),
        ("abc de 12 345", PLAIN, ("abc", "345")),
        ("", "english", ()),
        ("a" * 500, PLAIN, ("a" * 40,)),
    ],
)
def test_keeps_what_carries_content(text: str, language: str, expected: tuple[str, ...]) -> None:
    assert terms(text, language) == expected


@given(st.text(st.characters(exclude_categories=()), max_size=200), st.sampled_from([PLAIN, "english", "russian"]))
def test_terms_are_distinct_and_never_empty(text: str, language: str) -> None:
    found = terms(text, language)
    assert len(set(found)) == len(found)
    assert all(found)


def test_an_interest_finds_its_words_in_whatever_language_the_room_speaks() -> None:
    (forms,) = variants("Warteschlangen")
    assert set(terms("Die Warteschlange ist voll und nicht leer", "german")) & set(forms)
    assert variants("the and of") == ()
    assert variants("队列") == (("队列",),)


def test_postings_tell_who_uses_a_term() -> None:
    assert postings([("a", "b"), (), ("b",)]) == {"a": [0], "b": [0, 2]}


def test_the_background_counts_units_not_uses() -> None:
    background = Background()
    background.add(("queue", "log"))
    background.add(("queue",))
    background.add(())
    assert (background.total, background.count("queue"), background.count("log"), background.count("x")) == (3, 2, 1, 0)
    background.clear()
    assert (background.total, background.count("queue")) == (0, 0)


def test_the_background_stays_bounded_and_keeps_what_is_common(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKGROUND_TERMS_MAX", 10)
    background = Background()
    for i in range(1_000):
        background.add(("common", f"rare{i}"))
        assert len(background._counts) <= 10
    assert background.count("common") > 0
    assert background.count("rare0") == 0
    assert background.count("common") <= background.total


def test_words_are_found_as_they_are_spelled() -> None:
    text = "Leases run out; the Lease of node-2 was leased again."
    assert surfaces(text, {"leas"}) == ("Leases", "Lease", "leased")
    assert surfaces(text, ()) == ()
