"""What a word is (PROTOCOL.md, to the letter), and the smallest pieces a text may be cut into.

Pure: strings in, numbers and offsets out. Every function is linear in the length of its text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import regex

CHARACTERS_PER_WORD_MAX = 30  # a text counts at least one word for each started 30 visible characters
_CJK_CHARACTERS_PER_WORD = 2

# Unicode calls Japan's signs for long vowels and voicing common to several scripts; radicals are Han, but no letters.
CJK = r"[[\p{Han}\p{Hiragana}\p{Katakana}ー\u3099\u309a\uff70\uff9e\uff9f]&&[\p{L}\p{M}\p{N}]]"
_LETTER = rf"[[\p{{L}}\p{{M}}\p{{Nd}}]--[{CJK}]]"
_WORD = rf"{_LETTER}+(?:['’\-._]{_LETTER}+)*"
WORD = regex.compile(rf"(?V1)[{CJK}]+|{_WORD}")
_ATOM = regex.compile(rf"(?V1)(?P<cjk>[{CJK}]{{1,2}})|(?P<word>{_WORD})|(?P<rest>[^\s\p{{L}}\p{{M}}\p{{Nd}}]+)|\S")
_CJK_RUN = regex.compile(rf"(?V1)[{CJK}]+")
_PLAIN_WORD = regex.compile(r"(?V1)[A-Za-z0-9]+(?:['\-._][A-Za-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece of text that is cut only when nothing else helps: a word, two CJK characters, a run of signs."""

    start: int
    end: int
    words: int


def count_words(text: str) -> int:
    """How many words a reader has to read, as the protocol counts them; "" and white space count 0.

    A word is a run of letters, marks and digits with inner apostrophes, hyphens, dots or underscores; of Han and
    kana two characters are one word, each run rounded up. A text counts at least one word for each started 30
    characters that are not white space, so that neither emoji nor base64 nor scripts without spaces come free.
    """
    visible = len("".join(text.split()))
    least = -(-visible // CHARACTERS_PER_WORD_MAX)
    if text.isascii():
        return max(least, len(_PLAIN_WORD.findall(text)))
    words = len(WORD.findall(text))
    for run in _CJK_RUN.finditer(text):
        words += -(-(run.end() - run.start()) // _CJK_CHARACTERS_PER_WORD) - 1
    return max(least, words)


def atoms(text: str, start: int, end: int) -> Iterator[Atom]:
    """The atoms of `text[start:end]` in order; each is at most 30 characters long and counts at most one word.

    The sum of their words is never below `count_words` of any slice made of whole atoms, as long as the 30-character
    floor does not bind; `visible characters / 30` covers that case.
    """
    for match in _ATOM.finditer(text, start, end):
        first, last = match.span()
        words = 0 if match.lastgroup == "rest" else 1
        for at in range(first, last, CHARACTERS_PER_WORD_MAX):
            yield Atom(at, min(last, at + CHARACTERS_PER_WORD_MAX), words)
