"""Content words of a text, as stems, in any language; and how often the room uses each.

Where the language has no stop words or stemmer, words are compared as they are, and scripts without spaces by pairs of
characters.

Pure: the same text in the same language always gives the same terms.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import regex
import snowballstemmer

from cadence.lod.languages import LATIN_STEMMERS, everyday, guess_language, stemmer_name
from cadence.lod.words import CJK

if TYPE_CHECKING:
    from cadence.lod.pack import Pack

BACKGROUND_TERMS_MAX = 50_000
_TERM_CHARACTERS_MAX = 40
_STEMS_CACHED_MAX = 50_000
_CLITIC_CHARACTERS_MAX = 2
_PLAIN_CHARACTERS_MIN = 3
_STEMMED_CHARACTERS_MIN = 2

# The English list was made for web search; these of its words carry meaning in a conversation.
_RESCUED = frozenset(
    "ai area areas bill billion caption click computer contain contains copy cry dare data date describe detail dark"
    " effect error file fire fix general group groups half hell help high higher home homepage html http hundred"
    " immediate importance important index indicate information interest interests invention key keys large largest"
    " length less lest line little low lower machine member members microsoft million minus minute missing move"
    " netscape new newest nobody novel null number numbers old older opposite order ordered orders page pages part"
    " parts past poorly possible potentially predominantly present presented presents primarily problem problems"
    " promptly proud recent related research reserved resulted resulting results right room rooms run second seconds"
    " section sections serious seriously significant significantly similar site small smaller smallest specify"
    " state states stop strongly sub substantially successfully sufficiently suggest system test text thick thin top"
    " trillion true turn turned turns useful value web webpage website width work worked working works world young"
    " younger youngest".split()
)
# What people say while they think of what to say.
_DISCOURSE = frozenset(
    "think know like really thing things gonna gotta wanna kinda sorta yeah yep yes nope nah okay ok well right guess"
    " mean maybe actually basically literally probably sure stuff lot lots bit pretty quite anyway anyways hey hi hello"
    " thanks thank please lol haha hmm huh um uh oh ah wow cool nice great good fine yup alright let lets say says said"
    " saying tell told talk talking want need try trying look looking feel feels going got get getting put come came"
    " kind sort way guy guys folks people somebody someone something anything everything nothing etc just still"
    " already also even ever never always often sometimes again though although exactly totally absolutely definitely"
    " obviously apparently hopefully don doesn didn won isn aren wasn weren couldn wouldn shouldn hasn haven hadn ain"
    " ll ve re".split()
)
_PAIRED = rf"{CJK}\p{{Hangul}}\p{{Thai}}\p{{Lao}}\p{{Khmer}}\p{{Myanmar}}"
_LETTER = rf"[[\p{{L}}\p{{M}}\p{{Nd}}]--[{_PAIRED}]]"
_TOKEN = regex.compile(rf"(?V1)(?P<pairs>[{_PAIRED}]+)|(?P<word>{_LETTER}+(?:['’._]{_LETTER}+)*)")
_KANA_PAIR = regex.compile(r"[\p{Hiragana}ー]{2}")


def terms(text: str, language: str) -> tuple[str, ...]:
    """The distinct content stems of `text`, in order of first use; `language` as `guess_language` names it."""
    found: dict[str, None] = {}
    for match in _TOKEN.finditer(text):
        token = match.group()
        if match.lastgroup == "pairs":
            for at in range(max(1, len(token) - 1)):
                pair = token[at : at + 2]
                if not _KANA_PAIR.fullmatch(pair):  # endings and particles, not content
                    found[pair] = None
        elif term := _stem(token[:_TERM_CHARACTERS_MAX].casefold(), language):
            found[term] = None
    return tuple(found)


@lru_cache(maxsize=256)
def variants(text: str) -> tuple[tuple[str, ...], ...]:
    """Each content word of `text` in all the forms a room may use it in, whatever language that room speaks."""
    language = guess_language(text)
    seen: dict[tuple[str, ...], None] = {}
    for match in _TOKEN.finditer(text):
        own = terms(match.group(), language)
        if match.lastgroup == "pairs":
            seen.update((((pair,), None)) for pair in own)
        elif own:
            word = match.group()[:_TERM_CHARACTERS_MAX].casefold()
            forms = {*own, word, *(_snowball(word, stemmer) for stemmer in LATIN_STEMMERS)}
            seen[tuple(sorted(forms))] = None
    return tuple(seen)


def surfaces(text: str, wanted: Collection[str]) -> tuple[str, ...]:
    """The words of `text` whose stems are among `wanted`, as they are spelled there, each once."""
    language = guess_language(text)
    found: dict[str, str] = {}
    for match in _TOKEN.finditer(text):
        token = match.group()
        if any(term in wanted for term in terms(token, language)):
            found.setdefault(token.casefold(), token[:_TERM_CHARACTERS_MAX])
    return tuple(found.values())


def postings(all_terms: Iterable[Iterable[str]]) -> dict[str, list[int]]:
    """For each term the positions, ascending, of those in `all_terms` that have it."""
    found: dict[str, list[int]] = {}
    for i, own in enumerate(all_terms):
        for term in own:
            found.setdefault(term, []).append(i)
    return found


class Background:
    """How many of the room's units used each term: rare words tell more than common ones."""

    def __init__(self, counts: Mapping[str, int] | None = None, total: int = 0) -> None:
        self.total = total
        self.pack: Pack | None = None  # what a community's minutes have taught, if anything
        self.learned = 0  # how often it was added to: whether it is still as it was
        self._counts = dict(counts or {})

    def add(self, unit_terms: Iterable[str]) -> None:
        """Count one unit's distinct terms."""
        self.total += 1
        self.learned += 1
        counts = self._counts
        for term in unit_terms:
            counts[term] = counts.get(term, 0) + 1
        while len(self._counts) > BACKGROUND_TERMS_MAX:
            self._fade()

    def count(self, term: str) -> int:
        """How many units counted so far used `term`."""
        return self._counts.get(term, 0)

    def counts(self) -> Mapping[str, int]:
        """All terms that were counted; not to be changed."""
        return self._counts

    def clear(self) -> None:
        """Forget everything."""
        self.total = 0
        self._counts.clear()

    def _fade(self) -> None:
        """Halve all counts: what was said once is forgotten, and the recent past weighs more."""
        self.total //= 2
        self._counts = {term: count // 2 for term, count in self._counts.items() if count > 1}


@cache
def _stops(language: str) -> frozenset[str]:
    listed = everyday(language)
    return (listed - _RESCUED) | _DISCOURSE if language == "english" else listed


@lru_cache(maxsize=_STEMS_CACHED_MAX)
def _stem(word: str, language: str) -> str:
    """The stem of a case-folded word, or "" if it carries no content."""
    word = word.replace("’", "'").strip("_")
    if not language:
        return word if len(word) >= _PLAIN_CHARACTERS_MIN else ""
    if word in _stops(language):
        return ""
    before, _, after = word.partition("'")
    if after:  # Alex's, l'attente
        word = before if len(after) <= _CLITIC_CHARACTERS_MAX else after if len(before) <= len(after) else word
    if len(word) < _STEMMED_CHARACTERS_MIN or word in _stops(language):
        return ""
    stemmer = stemmer_name(language)
    return _snowball(word, stemmer) if stemmer else word


@cache
def _stemmer(name: str) -> snowballstemmer.basestemmer.BaseStemmer:
    return snowballstemmer.stemmer(name)


@lru_cache(maxsize=_STEMS_CACHED_MAX)
def _snowball(word: str, stemmer: str) -> str:
    return str(_stemmer(stemmer).stemWord(word))
