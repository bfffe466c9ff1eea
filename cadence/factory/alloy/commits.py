"""A repository's own chain: one hash per commit, oldest first.

    next = SHA-256(commit (hex) || previous hash (hex) || tree (hex)),   genesis = 64 zeros

There are no separators, which is safe only while all three have their fixed length, so that is checked too. The hash
covers commits and trees; authors and messages are covered only as far as somebody asks Git for the commit itself. A
shallow clone gives another chain.

Pure: values in, breaks out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

TYPE = "repo-attestation"
GENESIS = "0" * 64
_OBJECT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class CommitBreak:
    """Where a chain of commits breaks; `index` counts from 0, None is the document around the chain."""

    index: int | None
    what: str

    def __str__(self) -> str:
        return f"{'the document' if self.index is None else f'commit {self.index}'}: {self.what}"


def step(previous: str, commit: str, tree: str) -> str:
    """The hash after one more commit; raises `ValueError` for ids that are not 40 or 64 hex digits."""
    for name, text in (("commit", commit), ("tree", tree)):
        if not isinstance(text, str) or not _OBJECT.fullmatch(text):
            raise ValueError(f"expected 40 or 64 hex digits as {name}. Ask Git for its full name")
    return hashlib.sha256(f"{commit}{previous}{tree}".encode()).hexdigest()


def chain(commits: Iterable[tuple[str, str]]) -> list[str]:
    """The hash after each (commit, tree), oldest first."""
    hashes, previous = [], GENESIS
    for commit, tree in commits:
        hashes.append(previous := step(previous, commit, tree))
    return hashes


def check(document: dict[str, Any]) -> list[CommitBreak]:
    """What is wrong with a repository's attestation; nothing if every link recomputes, parents before children."""
    stages = document.get("stages")
    if not isinstance(stages, list) or not stages:
        return [CommitBreak(None, "expected a list of commits")]
    found: list[CommitBreak] = []
    previous, seen = GENESIS, set()
    for i, entry in enumerate(stages):
        one = entry if isinstance(entry, dict) else {}
        try:
            due = step(previous, one.get("commit", ""), one.get("tree", ""))
        except ValueError as error:
            return [*found, CommitBreak(i, str(error))]
        if one["commit"] in seen:
            found.append(CommitBreak(i, "the commit stands here a second time"))
        parents = one.get("parents")
        if parents is not None and not (isinstance(parents, list) and all(parent in seen for parent in parents)):
            found.append(CommitBreak(i, "one of its parents does not stand before it"))
        if one.get("chain_hash") != due:
            return [*found, CommitBreak(i, "its hash is not that of this commit after the ones before")]
        seen.add(one["commit"])
        previous = due
    if document.get("chainHash") != previous:
        found.append(CommitBreak(None, "chainHash is not the hash after the last commit"))
    if document.get("totalCommits", len(stages)) != len(stages):
        found.append(CommitBreak(None, f"it speaks of another number of commits than {len(stages)}"))
    return found
