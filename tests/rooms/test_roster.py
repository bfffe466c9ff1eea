import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.rooms.roster import NameRefused, Roster, clean_name, name_key, slug


@pytest.mark.parametrize(
    ("raw", "name"),
    [("Ann", "Ann"), ("  Ann  ", "Ann"), ("Ａnn", "Ann"), ("x" * 40, "x" * 40), ("李雷", "李雷"), ("👩‍🔬", "👩‍🔬")],
)
def test_a_name_is_kept_in_its_plain_form(raw: str, name: str) -> None:
    assert clean_name(raw) == name


@pytest.mark.parametrize(
    "raw", ["", "   ", "x" * 41, "a\nb", "a\x00b", "a\u202eb", "a\u200bb", "\u200d", "a\u2028b", "ﷺﷺﷺ"]
)
def test_a_name_that_deceives_or_does_not_fit_is_refused(raw: str) -> None:
    with pytest.raises(NameRefused, match="expected a name"):
        clean_name(raw)


def test_a_refusal_says_what_came() -> None:
    with pytest.raises(NameRefused, match="1 to 40 characters, got 41"):
        clean_name("x" * 41)
    with pytest.raises(NameRefused, match=r"got U\+000A"):
        clean_name("a\nb")


def test_names_that_sound_alike_are_one() -> None:
    assert name_key("STRASSE") == name_key("straße")
    assert name_key("An\u200dn") == name_key("ann")
    assert name_key("ann") != name_key("anne")


@given(st.text(max_size=60))
def test_a_slug_is_the_readable_part_of_an_id(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9_-]{1,40}", slug(name))


def test_a_slug_can_be_recognised() -> None:
    assert slug("Zoë van Dam!") == "zoe-van-dam"
    assert slug("李雷") == "guest"


def test_a_name_belongs_to_one_user_at_a_time() -> None:
    roster = Roster()
    roster.claim("Ann", "u1")
    assert roster.is_free("ANN", "u1")
    assert not roster.is_free("ANN", "u2")
    roster.release("u1")
    assert roster.is_free("Ann", "u2")


def test_a_new_name_frees_the_old_one() -> None:
    roster = Roster()
    roster.claim("Ann", "u1")
    roster.claim("Anna", "u1")
    assert roster.is_free("Ann", "u2")
    assert not roster.is_free("Anna", "u2")


def test_a_reserved_name_waits_for_its_owner() -> None:
    roster = Roster()
    roster.reserve("Vera", "vera")
    assert not roster.is_free("vera", "u1")
    assert roster.is_free("vera", "vera")


def test_releasing_what_was_never_held_is_harmless() -> None:
    Roster().release("u1")
