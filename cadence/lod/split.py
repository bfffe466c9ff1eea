"""Prose into clauses that a reader can take in one by one.

Sentences first (sentencex), then clause boundaries in what is longer than 25 words, then a hard cap at 40 that holds
for any text, also without spaces. Spans are offsets; every visible character of the prose lies in exactly one.

Pure, and linear in the length of the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex
import sentencex

from cadence.lod.words import CHARACTERS_PER_WORD_MAX, WORD, Atom, atoms, count_words

UNIT_WORDS_SOFT = 25  # longer sentences are cut at a clause boundary, if there is one
UNIT_WORDS_MAX = 40  # no unit is longer
_UNIT_CHARACTERS_MAX = UNIT_WORDS_MAX * CHARACTERS_PER_WORD_MAX
_CLAUSE_WORDS_MIN = 6
_SENTENCE_WORDS_MIN = 4  # shorter ones ("Yes." "OK.") join a neighbour
_CHARACTERS_SURE = 2 * UNIT_WORDS_SOFT - 1  # so few characters cannot hold more words than the soft limit

# The sentence splitter takes quadratic time on some texts, such as 64 KiB of backticks.
SEGMENT_CHARACTERS_MAX = 2_000
_PORTION_END = regex.compile(r"[.!?]\s+|[。！？]")
_SURROGATES = regex.compile(r"[\ud800-\udfff]")
# A heading, or the end of a line before a blank one, a list item, a heading, a quote or a table row.
_PARAGRAPH = regex.compile(
    r"(?m)^[ \t]*#{1,6}[ \t][^\r\n]*(?:\r\n?|\n)"
    r"|(?:\r\n?|\n)(?=[ \t]*(?:[\r\n]|[-*+][ \t]|\d{1,9}[.)][ \t]|#{1,6}[ \t]|>|\|))"
)
_STRONG = frozenset(";:；：؛—–")
_WEAK = frozenset(",，、،)]）")
_UNSPACED = frozenset("；：，、）")
_DASHES = frozenset({"-", "--", "–", "—"})
_OPENING = frozenset("([{\"'“‘«„（「#@*_`<$€£+-")
_CONJUNCTIONS = frozenset(
    "and but or so because since although though while whereas when where if unless until which who that then than"
    " und oder aber denn weil dass daß wenn ob obwohl während et mais ou donc car parce que quand si puisque lorsque"
    " y o pero porque cuando aunque e ma perché quando mas och men eller att en maar omdat dat als og fordi"
    " и а но или что чтобы потому если когда который i ale lub że bo gdy ve ama veya çünkü".split()
)


@dataclass(frozen=True, slots=True)
class Clause:
    """`text[start:end]` without white space around it, and its words (1..40)."""

    start: int
    end: int
    words: int


def clauses(text: str, start: int, end: int, language: str) -> list[Clause]:
    """The clauses of `text[start:end]` in order; nothing visible is left out."""
    found: list[Clause] = []
    for first, last in _sentences(text[start:end], language):
        for at, until in _cut(text, start + first, start + last):
            found.append(Clause(at, until, count_words(text[at:until])))
    return _without_scraps(text, found)


def _sentences(text: str, language: str) -> Iterator[tuple[int, int]]:
    at = 0
    for start, end in _paragraphs(text):
        for piece in sentencex.segment(language, _SURROGATES.sub("\ufffd", text[start:end])):
            yield from _trimmed(text, at, at + len(piece))
            at += len(piece)
        at = end


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for match in _PARAGRAPH.finditer(text):
        yield from _portions(text, at, match.end())
        at = match.end()
    yield from _portions(text, at, len(text))


def _portions(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A paragraph in pieces of bounded length, cut where a sentence seems to end, else at white space."""
    while end - start > SEGMENT_CHARACTERS_MAX:
        last = start + SEGMENT_CHARACTERS_MAX
        ends = [match.end() for match in _PORTION_END.finditer(text, start, last)]
        until = ends[-1] if ends else max(text.rfind(" ", start, last), text.rfind("\n", start, last)) + 1
        yield start, until if until > start else last
        start = until if until > start else last
    yield start, end


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    visible = piece.strip()
    if visible:
        first = start + len(piece) - len(piece.lstrip())
        yield first, first + len(visible)


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """One sentence as clauses."""
    if end - start <= _CHARACTERS_SURE or count_words(text[start:end]) <= UNIT_WORDS_SOFT:
        yield start, end
        return
    pieces = list(atoms(text, start, end))
    first = start
    for i in _bounds(text, pieces):
        yield from _trimmed(text, first, pieces[i].start)
        first = pieces[i].start
    yield from _trimmed(text, first, end)


def _bounds(text: str, pieces: Sequence[Atom]) -> Iterator[int]:
    """Which atoms begin a new clause. Between two of them lie at most 40 words and 1,200 visible characters."""
    left = sum(atom.words for atom in pieces)
    characters_left = sum(atom.end - atom.start for atom in pieces)
    first = 0
    while left > UNIT_WORDS_SOFT or characters_left > _UNIT_CHARACTERS_MAX:
        i, words, characters = _next_bound(text, pieces, first, left)
        if i >= len(pieces):
            return
        yield i
        first, left, characters_left = i, left - words, characters_left - characters


def _next_bound(text: str, pieces: Sequence[Atom], first: int, left: int) -> tuple[int, int, int]:
    """The atom that ends the clause beginning at `first`, and the words and characters before it.

    A boundary near an even share of what is left, if there is one up to the soft limit; else the first one up to the
    hard limit; else, if too much is left for one clause, white space near the hard limit, or any place at all.
    """
    even = left / max(1, -(-left // UNIT_WORDS_SOFT))
    words = characters = 0
    best: tuple[float, int, int, int] | None = None
    fallback: tuple[float, int, int, int] | None = None
    for i in range(first, len(pieces)):
        atom = pieces[i]
        if i > first:
            strength = _strength(text, pieces[i - 1], atom)
            if _CLAUSE_WORDS_MIN <= words <= left - _CLAUSE_WORDS_MIN and strength > 0:
                score = strength - abs(words - even) / even
                if best is None or (score > best[0] and words <= UNIT_WORDS_SOFT):
                    best = (score, i, words, characters)
            if fallback is None or strength >= fallback[0]:
                fallback = (min(strength, 0.0), i, words, characters)
        words += atom.words
        characters += atom.end - atom.start
        if best is not None and words > UNIT_WORDS_SOFT:
            return best[1:]
        if words > UNIT_WORDS_MAX or characters > _UNIT_CHARACTERS_MAX:
            chosen = best or fallback
            assert chosen is not None, "an atom is never longer than a unit may be"
            return chosen[1:]
    return best[1:] if best is not None else (len(pieces), words, characters)


def _strength(text: str, before: Atom, after: Atom) -> float:
    """How natural a cut between two neighbours is: above 0 a clause boundary, 0 white space, below 0 neither."""
    sign = text[before.end - 1]
    if before.end == after.start:
        if sign in _UNSPACED and after.words:
            return 2.0 if sign in _STRONG else 1.0
        return -1.0
    if not after.words and text[after.start] not in _OPENING:
        return -1.0  # punctuation stays with the word before it
    if sign in _STRONG or text[before.start : before.end] in _DASHES:
        return 2.0
    conjunction = text[after.start : after.end].casefold() in _CONJUNCTIONS
    if sign in _WEAK:
        return 1.4 if conjunction else 1.1
    return 0.9 if conjunction else 0.0


def _without_scraps(text: str, found: Sequence[Clause]) -> list[Clause]:
    """Join very short sentences of one line, and lone punctuation, to a neighbour."""
    kept: list[Clause] = []
    for clause in found:
        joined = _join(text, kept[-1], clause) if kept else None
        if joined is None:
            kept.append(clause)
        else:
            kept[-1] = joined
    return kept


def _join(text: str, first: Clause, second: Clause) -> Clause | None:
    """The two as one, if one of them is a scrap and the whole is not too long."""
    if first.words + second.words > UNIT_WORDS_MAX:
        return None
    same_line = not any(sign in "\r\n" for sign in text[first.end : second.start])
    short = min(first.words, second.words) < _SENTENCE_WORDS_MIN and first.words + second.words <= UNIT_WORDS_SOFT
    if not (short and same_line) and _says(text, first) and _says(text, second):
        return None
    return Clause(first.start, second.end, count_words(text[first.start : second.end]))


def _says(text: str, clause: Clause) -> bool:
    return WORD.search(text, clause.start, clause.end) is not None
