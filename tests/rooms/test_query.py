from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.rooms.query import Term, fold, matches, parse
from cadence.rooms.wire import WireError


def words(*terms: str) -> tuple[Term, ...]:
    return tuple(Term((term,)) for term in terms)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("router uptime", words("router", "uptime")),
        ("  Router\tÜPTIME ", words("router", "uptime")),
        ('"ten and a half" hours', (Term(("ten", "and", "a", "half")), *words("hours"))),
        ('never "closed', words("never", "closed")),
        ("upti*", (Term(("upti",), prefix=True),)),
        ("a-b", (Term(("a", "b")),)),
        ("a-b*", (Term(("a", "b"), prefix=True),)),
        ("* fine", words("fine")),
        (
            "text:x OR y NEAR(a b) ^c {d}",
            (Term(("text", "x")), *words("or", "y"), Term(("near", "a")), *words("b", "c", "d")),
        ),
        ("a\0b", (Term(("a", "b")),)),
    ],
)
def test_a_query_is_words_phrases_and_beginnings(text: str, terms: tuple[Term, ...]) -> None:
    assert parse(text) == terms


@pytest.mark.parametrize("text", ["", "   ", "***", '""', '"', "-- ;", "x" * 201, "a " * 17])
def test_what_cannot_be_looked_for_names_its_field(text: str) -> None:
    with pytest.raises(WireError) as caught:
        parse(text)
    assert (caught.value.code, caught.value.field) == ("bad_field", "q")


@given(st.text(max_size=200))
def test_nothing_but_letters_and_digits_is_left_of_a_query(text: str) -> None:
    try:
        terms = parse(text)
    except WireError:
        return
    assert all(word and all(char.isalnum() for char in word) for term in terms for word in term.words)


def test_case_accents_and_marks_do_not_count() -> None:
    assert fold("Naïve CAFÉ, it's 3.5 ﬁsh") == ("naive", "cafe", "it", "s", "3", "5", "fish")


def test_all_terms_must_occur_and_phrases_in_their_order() -> None:
    text = "The night board went down; the board went up."
    assert matches(parse("board night"), text) and not matches(parse("board day"), text)
    assert matches(parse('"went up"'), text) and not matches(parse('"up went"'), text)
    assert matches(parse("boa*"), text) and not matches(parse("oar*"), text) and not matches(parse("boa"), text)
    assert matches(parse('"went up"'), text) and not matches(parse('"went up the"'), text)
