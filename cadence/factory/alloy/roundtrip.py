"""Proof that an alloy goes through the types without loss: same bytes, or same meaning, or the first difference.

Pure: no clock, no files.

Same meaning: the same keys with the same values in any order; 12 is 12.0, true is not 1, an explicit null is not an
absent key, nothing is added, nothing dropped.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from cadence.factory.alloy.document import Document, Path, show_path
from cadence.factory.alloy.load import Loaded
from cadence.factory.alloy.parts import plain

__all__ = ["Difference", "RoundTrip", "first_difference", "render", "round_trip"]

_INDENT = re.compile(r"\n( +|\t+)\S")


@dataclass(frozen=True)
class Difference:
    """Where two values part, and what stands there on either side."""

    path: Path
    left: str
    right: str

    def __str__(self) -> str:
        return f"{show_path(self.path)}: {self.left} became {self.right}"


@dataclass(frozen=True)
class RoundTrip:
    """What came back: `bytes` are equal, the `meaning` is equal, or there is a `difference`."""

    outcome: Literal["bytes", "meaning", "difference", "unreadable"]
    difference: Difference | None = None

    @property
    def holds(self) -> bool:
        """Nothing was lost, added or changed."""
        return self.outcome in ("bytes", "meaning")


def round_trip(loaded: Loaded) -> RoundTrip:
    """Serialise the typed alloy again and compare it with the document it came from.

    Both are read anew, so that what the comparison sees is text and not the objects in memory.
    """
    if loaded.alloy is None:
        return RoundTrip("unreadable")
    document = loaded.document
    written = render(plain(loaded.alloy), like=document)
    if written == document.raw:
        return RoundTrip("bytes")
    found = first_difference(document.value, json.loads(written))
    return RoundTrip("difference", found) if found else RoundTrip("meaning")


def render(value: Any, *, like: Document | None = None) -> bytes:
    """An alloy as bytes: JSON, two spaces, non-ASCII escaped, keys in their order, one newline at the end.

    `like` takes over the habits of a file: its indentation, its escapes, its last newline.
    """
    text = like.raw.decode() if like else "{\n  }\n"
    indent = _INDENT.search(text)
    space: str | int | None = indent[1] if indent else None
    separators = (",", ":") if space is None and '": ' not in text else None
    body = json.dumps(value, indent=space, ensure_ascii=text.isascii(), separators=separators)
    return (body + text[len(text.rstrip()) :]).encode()


def first_difference(left: Any, right: Any, at: Path = ()) -> Difference | None:
    """The first place, in the order of `left`, where two JSON values differ in meaning; None if nowhere."""
    if isinstance(left, dict) and isinstance(right, dict):
        return _in_objects(left, right, at)
    if isinstance(left, list) and isinstance(right, list):
        for number, (one, other) in enumerate(zip(left, right, strict=False)):
            if found := first_difference(one, other, (*at, number)):
                return found
        return None if len(left) == len(right) else Difference(at, f"{len(left)} items", f"{len(right)} items")
    same = _kind(left) is _kind(right) and left == right
    return None if same else Difference(at, _short(left), _short(right))


def _in_objects(left: dict[str, Any], right: dict[str, Any], at: Path) -> Difference | None:
    for key, one in left.items():
        if key not in right:
            return Difference((*at, key), _short(one), "nothing")
        if found := first_difference(one, right[key], (*at, key)):
            return found
    added = next((key for key in right if key not in left), None)
    return None if added is None else Difference((*at, added), "nothing", _short(right[added]))


def _kind(value: Any) -> type:
    return float if type(value) is int else type(value)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
