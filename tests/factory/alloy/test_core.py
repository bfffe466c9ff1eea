"""The universal core: it knows no domain, and says what every alloy has."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest

from tests.factory.alloy.examples import loaded, recipe, said
from tests.source import Source, sources

ALLOY = "cadence.factory.alloy"
# What the core is made of: none of it may know a domain. These wire all together and may.
WIRES = {f"{ALLOY}.load", f"{ALLOY}.schema"}


def reaches_a_domain(source: Source) -> list[str]:
    inside = f"{ALLOY}.domains"
    return [
        f"{source.path}:{line}" for line, name in source.imports() if name == inside or name.startswith(inside + ".")
    ]


def core_files() -> list[Source]:
    names = ("core", "attestation", "parts", "domain", "rules", "problems", "roundtrip", "older", "document", "hashes")
    return [
        one for one in sources("cadence/factory") if PurePosixPath(one.path).stem in names and "domains" not in one.path
    ]


def test_the_core_imports_no_domain() -> None:
    assert len(core_files()) == 10
    assert [line for source in core_files() for line in reaches_a_domain(source)] == []


def test_an_import_of_a_domain_would_be_found() -> None:
    for line in (
        "from cadence.factory.alloy.domains import ticketing",
        "import cadence.factory.alloy.domains.ticketing",
    ):
        assert reaches_a_domain(Source("cadence/factory/alloy/core.py", line)) != []


def test_no_domain_imports_another() -> None:
    for source in sources("cadence/factory/alloy/domains"):
        own = ".".join(source.module.split(".")[:5])
        others = [name for _, name in source.imports() if f"{ALLOY}.domains." in name and not name.startswith(own)]
        assert others == [], source.path


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": ""}, "name: expected text that is not empty, got ''"),
        ({"cycles": 0}, "cycles: expected at least 1, got 0"),
        ({"cycles": 1.5}, "cycles: expected a whole number, got 1.5"),
        ({"cycles": True}, "cycles: expected a whole number, got true"),
        ({"domains": []}, "domains: expected at least 1 item, got a list of 0"),
        ({"source": []}, "source: expected an object, got a list of 0"),
        ({"tags": ["a", 1]}, "tags[1]: expected a string, got 1"),
        ({"results": 3}, "results: expected an object, got 3"),
        ({"stages": {}}, "stages: expected a list, got an object of 0"),
        ({"stages": [3]}, "stages[0]: expected an object, got 3"),
        ({"stages": [{}]}, "stages[0].type: expected the key 'type', it is missing"),
        ({"receipt": {"verifyUrl": "x"}}, "receipt: a receipt that is not empty needs issuedAt"),
    ],
)
def test_a_root_field_of_the_wrong_shape_is_named(change: dict[str, Any], problem: str) -> None:
    assert said(recipe() | change) == [problem]


@pytest.mark.parametrize(("key", "bad"), [("version", "1.0"), ("typeByte", "01"), ("version", "latest")])
def test_text_of_the_wrong_form_is_named_with_the_form(key: str, bad: str) -> None:
    (problem,) = loaded(recipe() | {key: bad}).problems
    assert problem.path == (key,)
    assert problem.what.startswith("expected text that matches ^") and problem.what.endswith(f"got {bad!r}")


@pytest.mark.parametrize("key", ["name", "version", "source"])
def test_what_is_required_is_missed_by_name(key: str) -> None:
    value = recipe()
    del value[key]
    assert said(value) == [f"{key}: expected the key {key!r}, it is missing"]


@pytest.mark.parametrize("version", ["1.0.0", "0.3.10", "2.0.0-rc.1", "1.0.1+filehashes"])
def test_semantic_versions_are_versions(version: str) -> None:
    assert said(recipe() | {"version": version}) == []


def test_the_proof_is_found_in_both_homes() -> None:
    inner, root = {"modelHash": "a"}, {"modelHash": "b"}
    for results, integrity, wanted in [(inner, None, "a"), (None, root, "b"), (inner, root, "a")]:
        alloy = loaded(recipe() | {"results": {"integrity": results}, "integrity": integrity}).alloy
        assert alloy is not None and alloy.proof is not None and alloy.proof.model_hash == wanted
    bare = loaded(recipe()).alloy
    assert bare is not None and bare.proof is None
