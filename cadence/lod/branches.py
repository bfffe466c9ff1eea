"""Stored nodes as a tree, each with its bytes; read only when somebody looks into it.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cadence.lod.nodes import Node, decode, encode

Ident = tuple[int, int]  # level, and the first key without that many bits


class Branch:
    """A node of one scope, and, while it is kept in detail, its two halves."""

    __slots__ = ("body", "end", "first", "first_key", "halves", "last", "last_key", "start", "unit_words", "whole")

    def __init__(self, node: Node, halves: tuple[Branch, Branch] | None = None, body: bytes | None = None) -> None:
        self.first_key, self.last_key = node.first_key, node.last_key
        self.first, self.last = node.first, node.last
        self.start, self.end = node.start, node.end
        self.unit_words = node.unit_words
        self.whole = node.whole
        self.body = encode(node) if body is None else body
        self.halves = halves

    @property
    def level(self) -> int:
        return (self.first_key ^ self.last_key).bit_length()

    @property
    def ident(self) -> Ident:
        """By what it is known among the nodes of its scope."""
        return self.level, self.first_key >> self.level

    def node(self) -> Node:
        return decode(self.body)

    def all(self) -> Iterator[Branch]:
        """It and everything below, in order of time, larger before smaller."""
        yield self
        for half in self.halves or ():
            yield from half.all()


def apart(key: int, other: int) -> int:
    """The level of the smallest dyadic block that holds both keys."""
    return (key ^ other).bit_length()


def grown(scope: str, bodies: Iterable[bytes]) -> list[Branch]:
    """The trees that stored nodes make, oldest first, up to the first gap between them.

    Raises `ValueError` for what is no node of this scope.
    """
    loose = []
    for body in bodies:
        node = decode(body)
        if len(node.spans) != 1 or node.spans[0][0] != scope:
            raise ValueError(f"expected nodes of `{scope}`, got those of others: build them again from the log")
        loose.append(Branch(node, body=body))
    loose.sort(key=lambda branch: (-branch.first_key, branch.last_key))
    roots: list[Branch] = []
    for branch in loose:  # newest first, smaller before larger: what lies inside is already among the roots
        inside = []
        while roots and roots[-1].last_key <= branch.last_key:
            inside.append(roots.pop())
        if len(inside) == 2 and inside[0].first == branch.first and inside[1].last == branch.last:
            branch.halves = (inside[0], inside[1])
        roots.append(branch)
    roots.reverse()
    whole: list[Branch] = []
    for branch in roots:
        if branch.first != (whole[-1].last + 1 if whole else 1):
            break
        whole.append(branch)
    return whole
