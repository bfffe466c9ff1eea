"""The slow pass over a JSON text: where each value stands, and the first fault with its place and path.

Reads the grammar of RFC 8259 with the limits and refusals that `cadence.factory.alloy.document` lists. It decodes
strings and numbers with the standard library; the structure around them is its own, since no parser of the standard
library tells positions.

Pure: text in, places out.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

DEPTH_MAX = 64  # containers within containers
VALUES_MAX = 100_000  # values of all kinds in one document
INTEGER_MAX = 2**53 - 1
EXPONENT_FROM = 1e21  # from here on RFC 8785 writes an exponent

Path = tuple[str | int, ...]

_SHOWN_KEY_CHARS = 40
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_SPACE = re.compile(r"[ \t\n\r]*")
_SURROGATES = re.compile("[\ud800-\udfff]")

LONE_SURROGATE = (
    "half a surrogate pair stands alone in a string",
    "No UTF-8 can hold it, so that no two programs hash it alike",
    "Write the whole character, or leave it out",
)
_UNSAFE_NUMBER = (
    "the number is an integer beyond 2^53 - 1 (9007199254740991)",
    "Readers that keep numbers as doubles would silently change it",
    "Write it as a string",
)
_HUGE_NUMBER = (
    "the number is too large for a double",
    "Readers would make infinity of it, which JSON cannot hold",
    "Write it as a string",
)


@dataclass(eq=False)
class Fault(Exception):
    """What is wrong at character `at` of the text, in the value at `path`."""

    at: int
    path: Path
    what: str
    why: str
    fix: str


class NumberFault(ValueError):
    """A number or constant that is refused, as the three sentences of a fault."""

    def __init__(self, sentences: tuple[str, str, str]) -> None:
        super().__init__(sentences[0])
        self.sentences = sentences


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a value begins, and the places of what it contains."""

    at: int
    children: dict[str, Place] | list[Place] | None = None

    def child(self, step: str | int) -> Place | None:
        """The place of a member or an element; None where there is no such one."""
        if isinstance(self.children, dict):
            return self.children.get(step) if isinstance(step, str) else None
        if isinstance(self.children, list) and isinstance(step, int) and 0 <= step < len(self.children):
            return self.children[step]
        return None


def show_path(path: Path) -> str:
    """A path for people: `stages[3].outputHash`; keys that could deceive a terminal are escaped and cut."""
    shown = ""
    for step in path:
        if isinstance(step, int):
            shown += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step) and len(step) <= _SHOWN_KEY_CHARS:
            shown += f".{step}"
        else:
            cut = step if len(step) <= _SHOWN_KEY_CHARS else step[:_SHOWN_KEY_CHARS] + "..."
            shown += f"[{json.dumps(cut)}]"
    return shown.removeprefix(".") or "(root)"


def position(text: str, at: int) -> tuple[int, int]:
    """Line and column of character `at`, from 1."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def integer(text: str) -> int:
    """The integer that `text` writes; raises `NumberFault` beyond 2^53 - 1."""
    if len(text) > 17 or abs(value := int(text)) > INTEGER_MAX:
        raise NumberFault(_UNSAFE_NUMBER)
    return value


def double(text: str) -> float:
    """The double that `text` writes; raises `NumberFault` for infinity and what becomes an unsafe integer."""
    value = float(text)
    if INTEGER_MAX < abs(value) < EXPONENT_FROM:
        raise NumberFault(_UNSAFE_NUMBER)
    if math.isinf(value):
        raise NumberFault(_HUGE_NUMBER)
    return value


def constant(text: str) -> Any:
    """Refuses `NaN`, `Infinity` and `-Infinity`, which the standard library would read."""
    raise NumberFault((f"{text} is not JSON", "JSON has no such number", "Write null, or leave the key out"))


def places(text: str) -> Place:
    """The places of all values; raises `Fault` for the first one, in order of the text, that is wrong."""
    return _Scan(text).document()


class _Scan:
    """One pass. Recursion is bounded by DEPTH_MAX."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._decoder = json.JSONDecoder(parse_int=integer, parse_float=double, parse_constant=constant)
        self._path: list[str | int] = []
        self._values = 0

    def document(self) -> Place:
        place, end = self._value(self._skip(0))
        end = self._skip(end)
        if end < len(self._text):
            self._fail(end, "expected the end of the file", "An alloy is one JSON document", "Remove what follows")
        return place

    def _value(self, at: int) -> tuple[Place, int]:
        self._values += 1
        if self._values > VALUES_MAX:
            what = f"expected at most {VALUES_MAX} values, here begins one more"
            self._fail(at, what, "Readers need memory for each", "Keep tables in files of their own")
        first = self._text[at : at + 1]
        if first not in ("{", "["):
            return Place(at), self._scalar(at)[1]
        if len(self._path) >= DEPTH_MAX:
            what = f"expected at most {DEPTH_MAX} levels, here begins one more"
            self._fail(at, what, "Readers need stack for each", "Flatten the document")
        return self._members(at) if first == "{" else self._elements(at)

    def _members(self, start: int) -> tuple[Place, int]:
        members: dict[str, Place] = {}

        def member(at: int) -> int:
            if self._text[at : at + 1] != '"':
                self._syntax(at, 'expected a key in double quotes, or "}" without a comma before it')
            key, end = self._scalar(at)
            self._path.append(key)
            if key in members:
                why = "Readers differ in which of the two they take"
                self._fail(at, "the key occurs twice in one object", why, "Keep one of the two")
            end = self._skip(end)
            if self._text[end : end + 1] != ":":
                self._syntax(end, 'expected ":" after the key')
            members[key], end = self._value(self._skip(end + 1))
            self._path.pop()
            return end

        return Place(start, members), self._listed(start, "}", member)

    def _elements(self, start: int) -> tuple[Place, int]:
        elements: list[Place] = []

        def element(at: int) -> int:
            self._path.append(len(elements))
            place, end = self._value(at)
            self._path.pop()
            elements.append(place)
            return end

        return Place(start, elements), self._listed(start, "]", element)

    def _listed(self, start: int, close: str, one: Callable[[int], int]) -> int:
        """Read what stands between `start` and the closing bracket, with commas between; returns the end."""
        at = self._skip(start + 1)
        if self._text[at : at + 1] == close:
            return at + 1
        while True:
            at = self._skip(one(at))
            found = self._text[at : at + 1]
            if found == close:
                return at + 1
            if found != ",":
                self._syntax(at, f'expected "," or "{close}"')
            at = self._skip(at + 1)

    def _scalar(self, at: int) -> tuple[Any, int]:
        try:
            value, end = self._decoder.raw_decode(self._text, at)
        except NumberFault as fault:
            self._fail(at, *fault.sentences)
        except json.JSONDecodeError as error:
            self._syntax(error.pos, error.msg[:1].lower() + error.msg[1:].removesuffix(" at"))
        if isinstance(value, str) and _SURROGATES.search(value):
            self._fail(at, *LONE_SURROGATE)
        return value, end

    def _skip(self, at: int) -> int:
        space = _SPACE.match(self._text, at)
        return space.end() if space else at

    def _syntax(self, at: int, what: str) -> NoReturn:
        came = json.dumps(self._text[at]) if at < len(self._text) else "the end of the file"
        self._fail(at, f"{what}, got {came}", "This is not JSON (RFC 8259)", "Repair the text at this place")

    def _fail(self, at: int, what: str, why: str, fix: str) -> NoReturn:
        raise Fault(at, tuple(self._path), what, why, fix)
