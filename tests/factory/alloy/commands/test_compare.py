"""diff and lineage: what they say, and how they end."""

from __future__ import annotations

from pathlib import Path

import pytest

from cadence.factory.alloy.commands import compare
from tests.factory.alloy.commands.cli import alloy, put, told
from tests.factory.alloy.examples import forged, recipe, sha


def test_two_that_say_the_same_do_not_differ(tmp_path: Path) -> None:
    left, right = put(tmp_path, recipe()), put(tmp_path, dict(reversed(recipe().items())), "y")
    result = alloy("diff", left, right)
    assert (result.exit_code, result.stdout) == (0, "  holds  the two say the same\n")
    assert told("diff", left, right) == []


def test_differences_are_told_by_part(tmp_path: Path) -> None:
    value = forged() | {"version": "1.0.2", "receipt": {}}
    value["results"]["forgedParamsB"] = 5
    value["stages"].pop(0)
    result = alloy("diff", put(tmp_path, forged()), put(tmp_path, value, "y"))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "Recipe",
        '  changed  version    "1.0.1" -> "1.0.2"',
        '  removed  stages[0]  {"type": "expert-activation-profile", "calibrationCorpus": …',
        "Report",
        "  changed  results.forgedParamsB  5.31 -> 5",
        "Proof",
        "  added  receipt  {}",
    ]


def test_differences_as_json(tmp_path: Path) -> None:
    found = told("diff", put(tmp_path, forged()), put(tmp_path, forged() | {"cycles": 2}, "y"), code=1)
    assert found == [{"kind": "changed", "part": "recipe", "path": "cycles", "left": 1, "right": 2}]


@pytest.mark.parametrize(
    ("lineage", "standing", "code"),
    [
        ({}, "origin", 0),
        ({"sourceAlloyId": "p"}, "claimed", 3),
        ({"derivedFrom": {"alloyHash": sha("gone")}}, "missing", 3),
        ({"derivedFrom": {"alloyHash": sha("a")}, "integrity": {"parentAlloyHash": sha("b")}}, "contradicted", 1),
    ],
)
def test_how_a_lineage_ends_is_how_the_command_ends(
    lineage: dict[str, object], standing: str, code: int, tmp_path: Path
) -> None:
    (found,) = told("lineage", put(tmp_path, recipe() | lineage), code=code)
    assert (found["standing"], found["name"]) == (standing, "small-coder")
    assert f"  {standing}  small-coder  1.0.0" in alloy("lineage", put(tmp_path, recipe() | lineage)).stdout


def test_ancestors_are_looked_for_elsewhere_if_asked_and_broken_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "parents").mkdir()
    parent = put(tmp_path / "parents", forged())
    (tmp_path / "parents" / "broken.alloy.json").write_text("{")
    child = tmp_path / "child.alloy.json"
    alloy("fork", parent, "--name", "child", "--out", child)
    assert [one["standing"] for one in told("lineage", child, code=3)] == ["missing"]
    assert [one["standing"] for one in told("lineage", child, "--among", tmp_path / "parents")] == ["proven", "origin"]


def test_what_descends_from_a_bad_alloy_falls_with_it(tmp_path: Path) -> None:
    origin = put(tmp_path, forged(), "origin")
    for parent, child in (("origin", "child"), ("child", "grandchild")):
        alloy("fork", tmp_path / f"{parent}.alloy.json", "--name", child, "--out", tmp_path / f"{child}.alloy.json")
    hashes = {name: told("hash", tmp_path / f"{name}.alloy.json")["alloyHash"] for name in ("origin", "child")}
    youngest = tmp_path / "grandchild.alloy.json"

    def fallen(*arguments: object, code: int) -> list[bool]:
        return [one["compromised"] for one in told("lineage", *arguments, code=code)]

    assert fallen(youngest, code=0) == [False, False, False]
    assert fallen(youngest, "--compromised", hashes["child"], code=1) == [True, True, False]
    assert fallen(youngest, "--compromised", hashes["origin"], code=1) == [True, True, True]
    assert fallen(origin, "--compromised", hashes["child"], code=0) == [False]
    assert "  fails  grandchild" in alloy("lineage", youngest, "--compromised", hashes["origin"]).stdout
    origin.unlink()
    assert fallen(youngest, "--compromised", hashes["origin"], code=1) == [True, True]
    assert alloy("lineage", youngest, "--compromised", "abc").exit_code == 2


def test_a_crowd_of_alloys_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "ALLOYS_MAX", 1)
    put(tmp_path, forged(), "y")
    result = alloy("lineage", put(tmp_path, recipe()))
    assert result.exit_code == 1 and "at most 1 alloys" in result.stderr
