from __future__ import annotations

from cadence.lod.sides import HALF_LIFE_S, PAIRS_MAX, SIDES, Sides


def camps(guess: dict[str, str]) -> set[frozenset[str]]:
    return {frozenset(speaker for speaker in guess if guess[speaker] == side) for side in SIDES}


def test_without_objections_there_are_no_sides() -> None:
    sides = Sides()
    sides.agreed("ada", "bob", 0.0)
    assert sides.guess(0.0) == {}


def test_who_agrees_stands_together_and_who_objects_apart() -> None:
    sides = Sides()
    for one, other in (("ada", "eve"), ("bob", "eve"), ("ada", "fay")):
        sides.objected(one, other, 0.0)
    sides.agreed("eve", "fay", 0.0)
    assert camps(sides.guess(0.0)) == {frozenset({"ada", "bob"}), frozenset({"eve", "fay"})}


def test_the_first_speaker_is_always_on_side_0() -> None:
    for order in (("ada", "zoe"), ("zoe", "ada")):
        sides = Sides()
        sides.objected(*order, 0.0)
        assert sides.guess(0.0) == {"ada": "side 0", "zoe": "side 1"}


def test_a_minority_of_one_is_a_side() -> None:
    sides = Sides()
    for other in ("bob", "eve", "fay"):
        sides.objected("ada", other, 0.0)
    assert camps(sides.guess(0.0)) == {frozenset({"ada"}), frozenset({"bob", "eve", "fay"})}


def test_old_ties_are_forgotten() -> None:
    sides = Sides()
    sides.objected("ada", "bob", 0.0)
    assert sides.guess(HALF_LIFE_S)
    assert sides.guess(5 * HALF_LIFE_S) == {}


def test_nobody_is_tied_to_themselves() -> None:
    sides = Sides()
    sides.objected("ada", "ada", 0.0)
    assert sides.guess(0.0) == {}


def test_ties_are_bounded_and_the_weakest_goes_first() -> None:
    sides = Sides()
    sides.objected("ada", "bob", 0.0)
    sides.objected("ada", "bob", 0.0)
    for number in range(PAIRS_MAX + 10):
        sides.agreed(f"x{number}", f"y{number}", 0.0)
    assert len(sides._ties) == PAIRS_MAX
    assert {"ada", "bob"} <= sides.guess(0.0).keys()


def test_clearing_forgets_everything() -> None:
    sides = Sides()
    sides.objected("ada", "bob", 0.0)
    sides.clear()
    assert sides.guess(0.0) == {}
