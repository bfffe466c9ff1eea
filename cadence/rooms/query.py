"""What somebody looks for: words that must all occur, `"phrases in quotes"`, and beginnings of words, `like*`.

Pure. Nothing of what was typed reaches an index as a language of its own: a query is words, and the rest is space.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from cadence.rooms.wire import WireError

QUERY_CHARS_MAX = 200
TERMS_MAX = 16

_ASCII_WORD = re.compile(r"[0-9a-z]+")
_PIECE = re.compile(r'"([^"]*)"?|(\S+)')


@dataclass(frozen=True, slots=True)
class Term:
    """Words that follow each other; `prefix` if the last one may go on."""

    words: tuple[str, ...]
    prefix: bool = False


def parse(text: str) -> tuple[Term, ...]:
    """The terms of a query; raises `WireError` if nothing in it can be looked for."""
    if len(text) > QUERY_CHARS_MAX:
        raise WireError("bad_field", f"expected at most {QUERY_CHARS_MAX} characters, got {len(text)}", field="q")
    terms = []
    for quoted, single in _PIECE.findall(text):
        words = fold(quoted or single)
        if words:
            terms.append(Term(words, prefix=single.endswith("*") and single[-2:-1].isalnum()))
    if not terms:
        raise WireError("bad_field", "expected a word to look for, got none", field="q")
    if len(terms) > TERMS_MAX:
        raise WireError("bad_field", f"expected at most {TERMS_MAX} words, got {len(terms)}", field="q")
    return tuple(terms)


def fold(text: str) -> tuple[str, ...]:
    """The words of `text` as they are compared: without case and accents, only letters and digits."""
    if text.isascii():
        return tuple(_ASCII_WORD.findall(text.lower()))
    plain = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    return tuple("".join(char if char.isalnum() else " " for char in plain).split())


def matches(terms: Sequence[Term], text: str) -> bool:
    """Whether all `terms` occur in `text`; what an index must answer alike."""
    words = fold(text)
    return all(any(_at(term, words, start) for start in range(len(words))) for term in terms)


def _at(term: Term, words: tuple[str, ...], start: int) -> bool:
    found = words[start : start + len(term.words)]
    if not term.prefix:
        return found == term.words
    return found[:-1] == term.words[:-1] and len(found) == len(term.words) and found[-1].startswith(term.words[-1])
