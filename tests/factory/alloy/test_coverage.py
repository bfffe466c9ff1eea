"""Coverage in honest figures, gaps with their owners, and what falls with a bad stage."""

from __future__ import annotations

from cadence.factory.alloy.coverage import Gap, Owner, cover, is_derived, lowered, parent_of
from cadence.factory.alloy.custody import Break, Custody

A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)


def test_six_of_eight_is_seventy_five_percent() -> None:
    alloy = {"stages": [{"type": f"s{i}"} for i in range(8)]}
    found = cover(alloy, Custody((), tuple(range(6)), 8))
    assert (found.attested, found.stages, found.percent) == (6, 8, 75)
    assert str(found) == "6 of 8 stages attested (75 %)"
    assert cover({"stages": [{}] * 3}, Custody((), (0, 1), 3)).percent == 66
    assert cover({}, Custody((), (), 0)).percent == 0


def test_a_gap_says_why_and_whose_it_is() -> None:
    alloy = {"stages": [{"type": "prune"}, {"type": "eval"}, 7]}
    custody = Custody((Break("edited", 0, "prune", "it was changed"),), (), 3)
    owner = Owner("bench", "https://issues.example", "cadence alloy sign --stage 1")
    assert cover(alloy, custody, {"eval": owner}).gaps == (
        Gap(0, "prune", "stage 0 (prune): edited: it was changed", Owner()),
        Gap(1, "eval", "not signed", owner),
        Gap(2, "", "not signed", Owner()),
    )


def test_a_parent_is_a_hash_and_only_one() -> None:
    assert parent_of({"derivedFrom": {"alloyHash": f"sha256:{A}"}}) == A
    assert parent_of({"results": {"integrity": {"parentAlloyHash": A}}}) == A
    assert parent_of({"derivedFrom": {"alloyHash": A}, "integrity": {"parentAlloyHash": B}}) is None
    assert parent_of({"derivedFrom": {"alloyHash": None}, "sourceAlloyId": "x"}) is None
    assert is_derived({"derivedFrom": {"repo": "x"}}) and is_derived({"sourceAlloyId": "x"}) and not is_derived({})


def test_what_comes_from_a_bad_alloy_falls_with_it() -> None:
    parents = {A: None, B: A, C: B, D: None}
    assert lowered(parents, {A}) == {A: (A,), B: (A, B), C: (A, B, C)}
    assert lowered(parents, {C}) == {C: (C,)}
    assert lowered(parents, ()) == {}


def test_a_circle_of_parents_ends() -> None:
    assert lowered({A: B, B: A}, {A}) == {A: (A,), B: (A, B)}
