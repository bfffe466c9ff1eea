from cadence.terminal.kept import AUTHORS_MAX, TURNS_MAX, Kept
from tests.terminal.frames import quote, turn


def test_a_turn_can_be_opened_again_and_again() -> None:
    kept = Kept()
    kept.keep(turn(7, 10, 13, quote("ada", "x", 12)))
    first, second = kept.opening(7), kept.opening(7)
    assert first is not None and second is not None and first is not second
    assert (first.cited, first.first, first.last) == (frozenset({12}), 10, 13)
    assert kept.opening(6) is None and kept.last == 7


def test_the_oldest_is_forgotten_first() -> None:
    kept = Kept()
    for number in range(1, TURNS_MAX + 3):
        kept.keep(turn(number, 1, 1))
    assert kept.opening(2) is None and kept.opening(3) is not None
    kept.remember("ada", range(AUTHORS_MAX + 1))
    assert len(kept.authors) == AUTHORS_MAX and 0 not in kept.authors


def test_who_was_quoted_is_known() -> None:
    kept = Kept()
    kept.keep(turn(1, 1, 3, quote("ada", "x", 1, 2), quote("bo", "y", 3)))
    assert kept.authors == {1: "ada", 2: "ada", 3: "bo"}
    kept.keep(turn(2, 4, 4, quote("hob", "z", 2, room="attic")))
    assert kept.authors[2] == "ada"
    opening = kept.opening(2)
    assert opening is not None and opening.cited == frozenset()
    assert Kept().last is None
