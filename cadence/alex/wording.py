"""A text as the grounding check reads it: words by their stems, names, numbers, literals, and what is denied or hedged.

Names are taken out first, so that "Grad G" is one somebody and "Will" no auxiliary. Literals (links, inline code,
identifiers) are never taken apart. A denial or a hedge has a focus, the next few words that carry sense, and that is
what two texts are compared by: the order of clauses does not matter, and a synonym beside it does little harm.

Pure: no clock, no files.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import regex
import snowballstemmer

from cadence.alex.lexicon import (
    AT_LEAST,
    AT_MOST,
    BASE_FORMS,
    CONDITIONS,
    DENIALS,
    HEDGES,
    LIGHT,
    NEAR,
    NOT_DENYING,
    ONE_AFTER,
    ONE_BEFORE,
    REFUSALS,
    SCALES,
    TENS,
    UNITS,
    WORDS_FOR_NUMBERS,
)

FOCUS_WORDS_MAX = 3  # words that a denial is known by
FOCUS_REACH_WORDS = 8  # how far they are looked for
BOUND_REACH_WORDS = 3  # how far before a number its bound is looked for
CHARACTERS_MAX = 20_000

_LITERAL = regex.compile(
    r"(?P<link>(?:\w{2,12}://|www\.)[^\s<>()\"']*[^\s<>()\"'.,;:!?])"
    r"|(?P<code>`[^`]+`)"
    r"|(?P<identifier>(?<!\w)(?:[\w-]*[_/\\][\w./\\-]*\w|[a-z]+[A-Z]\w*|[\w-]*\w\.\w[\w.]*\w|\w+\(\))(?!\w))"
)
_WORD = regex.compile(r"\d[\d,.]*\d%?|\d+%?|[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*|['’](?:s|re|ll|ve|d|m|t)\b|\+1|\S")
_NUMBER = regex.compile(r"\d[\d,.]*%?(?:st|nd|rd|th|k|K)?$")
_SUFFIXES = ("n't", "'s", "'re", "'ll", "'ve", "'d", "'m")
_ENDS = frozenset(".!?;:…")
_TAG = frozenset("is are was were do does did have has had can could would will should ca wo".split())
_COUNTING = frozenset(UNITS) | frozenset(TENS) | frozenset(SCALES)  # compared by value
_QUOTED = regex.compile(r"[\"“]([^\"”]{2,400})[\"”]")
_PREFIX = regex.compile(r"(?:un|in|im|ir|il|dis|non)(?=[a-z]{4})")


@dataclass(frozen=True, slots=True)
class Word:
    """One word; `text` is in lower case, `stem` what other forms share, `place` counts from the text's beginning."""

    text: str
    shape: str
    stem: str
    place: int
    sentence: int
    first: bool  # of its sentence

    @property
    def heavy(self) -> bool:
        """Whether it carries sense."""
        return self.text not in LIGHT and self.text not in _COUNTING and self.text[:1].isalpha()


@dataclass(frozen=True, slots=True)
class Mark:
    """A denial, hedge or condition: the word that makes it, and the stems it is about."""

    word: Word
    focus: tuple[str, ...]
    around: frozenset[str]  # of the whole sentence


@dataclass(frozen=True, slots=True)
class Number:
    """A number by its value; `bound` is "", "near", "least" or "most", `of` the stem counted, if one follows."""

    value: str
    bound: str
    of: str
    place: int


@dataclass(frozen=True)
class Reading:
    """See the module's text. `names` are those found, in order, as they were given; `spans` where."""

    text: str
    words: tuple[Word, ...]
    names: tuple[tuple[str, int], ...]  # the name, and the place of the word it stands before
    links: frozenset[str]
    codes: frozenset[str]
    identifiers: frozenset[str]
    quotes: tuple[str, ...]
    _marks: dict[str, tuple[Mark, ...]] = field(default_factory=dict, compare=False)

    @cached_property
    def stems(self) -> frozenset[str]:
        """Of all words that carry sense."""
        return frozenset(word.stem for word in self.words if word.heavy)

    @cached_property
    def texts(self) -> frozenset[str]:
        return frozenset(word.text for word in self.words)

    @cached_property
    def sentences(self) -> list[list[Word]]:
        found: dict[int, list[Word]] = {}
        for word in self.words:
            found.setdefault(word.sentence, []).append(word)
        return list(found.values())

    @cached_property
    def denials(self) -> tuple[Mark, ...]:
        """What is denied in so many words."""
        return self._marked("denials", lambda word: word.text in DENIALS and not self._idle(word))

    @cached_property
    def refusals(self) -> tuple[Mark, ...]:
        """What is denied by what a word means: fail, refuse, impossible, unhappy."""
        return self._marked("refusals", lambda word: word.stem in _refusals())

    @cached_property
    def hedges(self) -> tuple[Mark, ...]:
        return self._marked("hedges", lambda word: word.text in HEDGES)

    @cached_property
    def conditions(self) -> tuple[Mark, ...]:
        return self._marked("conditions", lambda word: word.text in CONDITIONS and not self._after(word, "as", "even"))

    @cached_property
    def numbers(self) -> tuple[Number, ...]:
        """All numbers, in digits or in words."""
        return tuple(_numbers(self.words))

    def _marked(self, kind: str, wanted: object) -> tuple[Mark, ...]:
        assert callable(wanted)
        return tuple(self._mark(word) for word in self.words if wanted(word))

    def _mark(self, word: Word) -> Mark:
        around = frozenset(
            one.stem for one in self.words if one.sentence == word.sentence and one.heavy and one != word
        )
        return Mark(word, _focus(self.words, word.place), around)

    def _idle(self, word: Word) -> bool:
        """Whether a "no" or "not" denies nothing: "not only", "why not", "isn't it?", "no," as an answer."""
        words, at = self.words, word.place
        after = words[at + 1].text if at + 1 < len(words) else "."
        before = words[at - 1].text if at else "."
        if word.text == "no" and (after in {",", "."} or not after.isalnum() or before in {",", "oh", "yeah"}):
            return True
        if word.text in {"not", "n't"} and (after in NOT_DENYING or before in {"why", "or", "if", "whether"}):
            return True
        asked = at + 2 < len(words) and words[at + 2].text == "?"
        return word.text == "n't" and before in _TAG and (asked or after == "?")

    def _after(self, word: Word, *before: str) -> bool:
        return word.place > 0 and self.words[word.place - 1].text in before


def read(text: str, names: Collection[str] = ()) -> Reading:
    """Read a text in which any of `names` may stand."""
    text = text[:CHARACTERS_MAX].replace("’", "'")
    literals: dict[str, set[str]] = {"link": set(), "code": set(), "identifier": set()}
    found: list[tuple[str, int]] = []  # name, character
    taken = bytearray(len(text))
    pattern, known = _named(frozenset(names))
    for match in pattern.finditer(text) if known else ():
        found.append((known.get(match.group().casefold(), match.group()), match.start()))
        taken[match.start() : match.end()] = b"\1" * (match.end() - match.start())
    for match in _LITERAL.finditer(text):
        if not any(taken[match.start() : match.end()]):
            literals[match.lastgroup or "code"].add(match.group())
            taken[match.start() : match.end()] = b"\1" * (match.end() - match.start())
    words, places = _words(text, taken)
    located = [(name, bisect_left(places, start)) for name, start in found]
    quotes = tuple(" ".join(match.split()) for match in _QUOTED.findall(text))
    return Reading(
        text,
        tuple(words),
        tuple(located),
        frozenset(literals["link"]),
        frozenset(literals["code"]),
        frozenset(literals["identifier"]),
        quotes,
    )


def _words(text: str, taken: bytearray) -> tuple[list[Word], list[int]]:
    """The words outside literals and names, and at which character each begins."""
    words: list[Word] = []
    places: list[int] = []
    sentence, first = 0, True
    for match in _WORD.finditer(text):
        if taken[match.start()]:
            first = False  # a name or a literal opens the sentence
            continue
        shape = match.group()
        for piece in _pieces(shape):
            lower = piece.casefold()
            words.append(Word(lower, piece, stem(lower), len(words), sentence, first))
            places.append(match.start())
            if any(map(str.isalnum, lower)):
                first = False
        if shape in _ENDS:
            sentence, first = sentence + 1, True
    return words, places


def _pieces(shape: str) -> Iterable[str]:
    """A word without what is contracted to it: don't is do and n't, cannot is can and not."""
    lower = shape.casefold()
    if lower in ("can't", "won't", "cannot"):
        return {"can't": ("can", "n't"), "won't": ("will", "n't"), "cannot": ("can", "not")}[lower]
    for suffix in _SUFFIXES:
        if lower.endswith(suffix) and len(lower) > len(suffix):
            return (shape[: -len(suffix)], suffix)
    return (shape,)


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """What the forms of an English word share: went and going both are go."""
    base = BASE_FORMS.get(word, word)
    return str(_STEMMER.stemWord(base)) if len(base) > 2 else base


_STEMMER = snowballstemmer.stemmer("english")


@lru_cache(maxsize=1)
def _refusals() -> frozenset[str]:
    return frozenset(stem(word) for word in REFUSALS)


@lru_cache(maxsize=256)
def _named(names: frozenset[str]) -> tuple[regex.Pattern[str], dict[str, str]]:
    """What finds any of these names, and each as it was given by its lower case. "Grad G Smith" before "Grad G"."""
    known = {name.casefold(): name for name in sorted(names) if name}
    longest = "|".join(regex.escape(name) for name in sorted(known.values(), key=lambda name: (-len(name), name)))
    return regex.compile(rf"(?<![\p{{L}}\p{{N}}_])(?:{longest})(?![\p{{L}}\p{{N}}_])", regex.IGNORECASE), known


def turned(word: str, stems: Collection[str]) -> bool:
    """Whether a word is the denial, by its first syllable, of one whose stem is among `stems`: unhappy, disagree."""
    rest = _PREFIX.sub("", word, count=1)
    return rest != word and stem(rest) in stems


def _focus(words: Sequence[Word], at: int) -> tuple[str, ...]:
    """The stems that a mark at place `at` is about: of the words after it, else of those before."""
    ahead: list[str] = []
    for word in words[at + 1 : at + 1 + FOCUS_REACH_WORDS]:
        if word.text in _ENDS or (ahead and word.text in {",", "but", "because", "and", "although", "while"}):
            break
        if word.heavy:
            ahead.append(word.stem)
        if len(ahead) == FOCUS_WORDS_MAX:
            break
    if ahead:
        return tuple(ahead)
    behind: list[str] = []
    for word in reversed(words[max(0, at - FOCUS_REACH_WORDS) : at]):
        if word.text in _ENDS or len(behind) == 2:
            break
        if word.heavy:
            behind.append(word.stem)
    return tuple(behind)


def _numbers(words: Sequence[Word]) -> Iterable[Number]:
    at = 0
    while at < len(words):
        value, used = _value(words, at)
        if used == 0:
            at += 1
            continue
        bound = _bound(words, at, at + used)
        skipped = 2 if bound and words[at + used : at + used + 1] and words[at + used].text in {"or", "at"} else 0
        following = words[at + used + skipped : at + used + skipped + 2]
        yield Number(value, bound, next((word.stem for word in following if word.heavy), ""), at)
        at += used


def _value(words: Sequence[Word], at: int) -> tuple[str, int]:
    """The number that begins at a place, in plain digits, and how many words it takes; 0 if none does."""
    text = words[at].text
    if _NUMBER.match(text):
        plain = text.rstrip("%").rstrip("stndrhk").replace(",", "").rstrip(".")
        value = _float(plain) * (1_000 if text.endswith("k") else 1)
        if at + 1 < len(words) and words[at + 1].text in SCALES:
            return _plain(value * SCALES[words[at + 1].text]), 2
        return _plain(value), 1
    if text == "one" and _no_count(words, at):
        return "", 0
    total, current, used = 0.0, 0.0, 0
    for word in words[at:]:
        if word.text in UNITS and (used == 0 or current % 10 == 0) and not (used and current == 0 and total == 0):
            current += UNITS[word.text]
        elif word.text in TENS and (used == 0 or current % 100 == 0):
            current += TENS[word.text]
        elif word.text in SCALES:
            scale = SCALES[word.text]
            current = max(current, 1) * scale
            if scale > 100:
                total, current = total + current, 0.0
        elif used and word.text in {"-", "and"} and _goes_on(words, word.place, current or total):
            pass
        else:
            break
        used += 1
    if used:
        return _plain(total + current), used
    if text in WORDS_FOR_NUMBERS:
        return _plain(WORDS_FOR_NUMBERS[text]), 1
    return "", 0


def _goes_on(words: Sequence[Word], place: int, so_far: float) -> bool:
    """Whether "-" or "and" stands within a number: twenty-five, two hundred and six."""
    after = words[place + 1].text if place + 1 < len(words) else ""
    if words[place].text == "-":
        return after in UNITS and so_far % 10 == 0 and so_far < 100
    return so_far >= 100 and (after in UNITS or after in TENS)


def _no_count(words: Sequence[Word], at: int) -> bool:
    after = words[at + 1].text if at + 1 < len(words) else "."
    before = words[at - 1].text if at else ""
    return after in ONE_AFTER or before in ONE_BEFORE or not after[:1].isalpha()


def _bound(words: Sequence[Word], at: int, until: int) -> str:
    before = [word.text for word in words[max(0, at - BOUND_REACH_WORDS) : at]]
    after = [word.text for word in words[until : until + 3]]
    for name, bounds in (("least", AT_LEAST), ("most", AT_MOST)):
        if any(tuple(before[-len(bound) :]) == bound for bound in bounds):
            return name
    if after[:2] in (["or", "more"], ["at", "least"]):
        return "least"
    if after[:2] in (["or", "less"], ["or", "fewer"], ["at", "most"]):
        return "most"
    return "near" if NEAR.intersection(before[-2:]) or after[:2] == ["or", "so"] else ""


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # 1.2.3, a version
        return float("nan")


def _plain(value: float) -> str:
    return f"{value:g}" if value < 1e6 else f"{value:.0f}"
