"""A repository's chain: the published one recomputes, and every change to it is found."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Any

import pytest

from cadence.factory.alloy.commits import GENESIS, chain, check, step
from cadence.factory.alloy.files import load

UPSTREAM = Path(__file__).resolve().parents[4] / "shared/data/alloys/forge-alloy-examples/repo-attestation-chain.json"


def ids(count: int) -> list[tuple[str, str]]:
    return [(hashlib.sha1(b"c%d" % i).hexdigest(), hashlib.sha1(b"t%d" % i).hexdigest()) for i in range(count)]


def document(count: int = 4) -> dict[str, Any]:
    commits = ids(count)
    hashes = chain(commits)
    stages = [
        {"commit": commit, "tree": tree, "parents": [commits[i - 1][0]] if i else [], "chain_hash": hashes[i]}
        for i, (commit, tree) in enumerate(commits)
    ]
    return {"type": "repo-attestation", "chainHash": hashes[-1], "totalCommits": count, "stages": stages}


@pytest.mark.skipif(not UPSTREAM.is_file(), reason="the published chain is not here")
def test_all_links_of_the_published_chain_recompute() -> None:
    published = load(UPSTREAM).value
    assert len(published["stages"]) == 115
    assert check(published) == []


def test_a_link_is_commit_previous_and_tree_without_separators() -> None:
    (commit, tree), *_ = ids(1)
    assert step(GENESIS, commit, tree) == hashlib.sha256((commit + "0" * 64 + tree).encode()).hexdigest()


def test_a_chain_as_it_was_made_has_no_breaks() -> None:
    assert check(document()) == []


@pytest.mark.parametrize(
    ("index", "field", "value"),
    [
        (1, "commit", "0" * 40),
        (2, "tree", "0" * 40),
        (2, "tree", "0" * 39),
        (0, "chain_hash", GENESIS),
        (3, "parents", ["0" * 40]),
        (3, "parents", 7),
        (1, "commit", None),
    ],
)
def test_a_changed_link_is_named(index: int, field: str, value: Any) -> None:
    changed = copy.deepcopy(document())
    changed["stages"][index][field] = value
    assert check(changed)[0].index == index


def test_dropped_moved_and_copied_commits_are_named() -> None:
    stages = document()["stages"]
    for changed, index in (
        ([*stages[:1], *stages[2:]], 1),
        ([stages[0], stages[2], stages[1], stages[3]], 1),
        ([*stages, stages[1]], 4),
        ([*stages[:2], 7, *stages[2:]], 2),
    ):
        assert check({**document(), "stages": changed})[0].index == index


def test_a_chain_that_was_cut_off_is_found_by_the_document_around_it() -> None:
    whole = document()
    assert [str(broken) for broken in check({**whole, "stages": whole["stages"][:3]})] == [
        "the document: chainHash is not the hash after the last commit",
        "the document: it speaks of another number of commits than 3",
    ]
    assert check({}) == check({"stages": []})
    assert check({})[0].index is None
