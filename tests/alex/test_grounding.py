from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.alex.grounding import CLAIM_WORDS_MAX, Claim, Fault, Verdict, check
from tests.alex.grounds import CACHE, ground, judge, rules, source

FAITHFUL = "Vera reports that the cache drops about 40 writes whenever the second node restarts under load."


def test_a_faithful_claim_is_held() -> None:
    verdict = judge(FAITHFUL)
    assert verdict.held and str(verdict) == "held"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Pell reports that the cache drops about 40 writes when the second node restarts under load.", "names"),
        ("Vera reports that the cache drops about 50 writes when the second node restarts under load.", "numbers"),
        ("Vera reports that the cache does not lose about 40 writes when the second node restarts.", "negation"),
        ("Vera and Kowalski report that the cache loses about 40 writes when the second node restarts.", "names"),
        ("Vera agrees that the cache loses about 40 writes when the second node restarts.", "acts"),
        ("Vera reports that the cache gains about 40 writes under `load()`.", "code"),
        ("Vera berichtet, dass der Cache etwa 40 Einträge verliert, wenn der zweite Knoten neu startet.", "language"),
        ("Vera reports it.", "support"),
        ("Vera cache.", "length"),
    ],
)
def test_each_kind_of_untruth_is_named(text: str, rule: str) -> None:
    assert rule in rules(judge(text))


def test_the_authors_of_its_sources_are_its_speakers_and_only_one_speaks() -> None:
    assert rules(judge(FAITHFUL, source(), source("I saw it too.", "pell", 2))) == {"speakers"}
    both = judge(FAITHFUL, source(), source("I saw it too.", "pell", 2), speakers=("vera", "pell"))
    assert rules(both) == {"voice", "names"}


def test_unknown_sources_and_blocks_are_refused() -> None:
    given = ground()
    assert rules(check([Claim(("vera",), (7,), FAITHFUL)], given)) == {"sources"}
    assert rules(check([Claim(("vera",), (), FAITHFUL)], given)) == {"sources"}
    assert "blocks" in rules(judge(FAITHFUL, source(block=True)))


def test_all_claims_together_keep_to_the_words_and_none_repeats() -> None:
    given = ground(words_max=20)
    claim = Claim(("vera",), (1,), FAITHFUL)
    verdict = check([claim, claim], given)
    assert [(fault.rule, fault.claim) for fault in verdict.faults] == [("length", -1), ("repeat", 1)]
    assert rules(check([], given)) == {"shape"}
    assert [fault.rule for fault in check([claim] * 9, given).faults] == ["length"]
    long = f"Vera reports that {CACHE.lower().rstrip('.')} {'and loses writes ' * CLAIM_WORDS_MAX}."
    assert "length" in rules(judge(long, words_max=10_000))


def test_what_was_told_before_is_not_told_again() -> None:
    first = judge(FAITHFUL)
    assert first.held
    told = frozenset({"cach", "drop", "write", "second", "node", "restart", "load"})
    assert rules(judge(FAITHFUL, told=[told])) == {"repeat"}


def test_a_dispute_is_told_whole_or_not_at_all() -> None:
    objection = source("No, the cache keeps them.", "pell", 2, objects=True, about=1, addressee="Vera")
    given = ground(source(), objection)
    claims = [Claim(("vera",), (1,), FAITHFUL), Claim(("pell",), (2,), "Pell objects that the cache keeps them.")]
    assert check(claims, given).held
    assert rules(check(claims[:1], given)) == {"side"}
    assert rules(check(claims[1:], given)) == {"side"}


def test_a_language_that_cannot_be_checked_is_left_to_quotes() -> None:
    said = "Der zweite Knoten startet unter Last neu und der Speicher verliert dann etwa vierzig Einträge."
    assert "language" in rules(judge(f"Vera: {said}", source(said)))


def test_the_mediators_own_name_is_nobodys_voice() -> None:
    assert "voice" in rules(judge("Alex thinks that the cache of Vera loses about 40 writes."))


def test_a_fault_says_where() -> None:
    assert str(Fault("names", 1, "got X")) == "segment 2: got X"
    assert str(Verdict((Fault("length", -1, "too long"), Fault("side", -1, "lost")))) == "too long; lost"


@given(st.text(max_size=200), st.text(max_size=200), st.lists(st.integers(-3, 3), max_size=4))
def test_the_check_takes_whatever_it_is_given(text: str, said: str, keys: list[int]) -> None:
    given = ground(source(said))
    verdict = check([Claim(("vera",), tuple(keys), text)], given)
    assert verdict.held or all(fault.text for fault in verdict.faults)
