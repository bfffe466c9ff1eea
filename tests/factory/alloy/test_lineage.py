"""Lineage: proven by hashes, or said to be a claim."""

from __future__ import annotations

from typing import Any

import pytest

from cadence.factory.alloy import lineage
from cadence.factory.alloy.document import read
from cadence.factory.alloy.fork import fork
from cadence.factory.alloy.lineage import Known, known, trace
from tests.factory.alloy.examples import Value, forged, recipe, sha, text


def at_hand(value: Value, name: str = "x") -> Known:
    found = known(read(text(value), name=name))
    assert found is not None
    return found


def standings(start: Value, *others: Value) -> list[str]:
    return [one.standing for one in trace(at_hand(start), [at_hand(one) for one in others])]


def test_a_line_of_forks_is_proven_back_to_its_origin() -> None:
    child = fork(forged(), name="child")
    grandchild = fork(child, name="grandchild")
    line = trace(at_hand(grandchild, "g"), [at_hand(forged(), "f"), at_hand(child, "c")])
    assert [(one.alloy.file, one.standing, one.kind) for one in line] == [
        ("g", "proven", "fork"),
        ("c", "proven", "fork"),
        ("f", "origin", None),
    ]


def test_a_parent_that_is_not_at_hand_is_missing_and_one_that_was_changed_is_too() -> None:
    child = fork(forged(), name="child")
    assert standings(child) == ["missing"]
    assert standings(child, forged() | {"description": "changed"}) == ["missing"]


def test_publishing_the_parent_does_not_cut_the_line() -> None:
    child = fork(forged(), name="child")
    assert standings(child, forged() | {"receipt": {"issuedAt": "2026-05-01T00:00:00Z"}}) == ["proven", "origin"]


def test_the_hash_of_the_parents_file_is_accepted() -> None:
    child = recipe() | {"derivedFrom": {"alloyHash": at_hand(forged()).file_hash}}
    assert standings(child, forged()) == ["proven", "origin"]


@pytest.mark.parametrize(
    "claim",
    [
        {"sourceAlloyId": "p"},
        {"derivedFrom": {"repo": "a/b", "alloyHash": None}},
        {"derivedFrom": {"alloyHash": "soon"}},
    ],
)
def test_a_name_without_hash_is_a_claim(claim: dict[str, Any]) -> None:
    assert standings(recipe() | claim, forged()) == ["claimed"]


def test_two_hashes_that_differ_contradict_each_other() -> None:
    value = recipe() | {"derivedFrom": {"alloyHash": sha("a")}, "integrity": {"parentAlloyHash": sha("b")}}
    assert standings(value) == ["contradicted"]


def test_an_endless_line_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineage, "GENERATIONS_MAX", 3)
    line = [forged()]
    for number in range(4):
        line.append(fork(line[-1], name=f"n{number}"))
    assert standings(line[-1], *line) == ["proven", "proven", "endless"]


def test_an_alloy_cannot_be_its_own_parent_by_what_it_says() -> None:
    value = recipe() | {"derivedFrom": {"alloyHash": at_hand(recipe()).alloy_hash}}
    assert standings(value, value) == ["missing"]


def test_what_is_no_object_is_no_alloy() -> None:
    assert known(read(b"[]", name="x")) is None
