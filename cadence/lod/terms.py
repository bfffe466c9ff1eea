"""Content words of a text, as stems, in any language; and how often the room uses each.

The language is guessed by counting stop words; where no list helps, words are compared unstemmed, and scripts without
spaces by pairs of characters. The lists are read from the installed package when first needed, then kept.

Pure apart from that first reading: the same text always gives the same terms.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache

import regex
import snowballstemmer
import stop_words

from cadence.lod.words import CJK

BACKGROUND_TERMS_MAX = 50_000
_GUESS_CHARACTERS_MAX = 2_000  # the beginning of a text tells its language
_TERM_CHARACTERS_MAX = 40
_STEMS_CACHED_MAX = 50_000
_PLAIN_CHARACTERS_MIN = 3
_STEMMED_CHARACTERS_MIN = 2

# Stop word list -> stemmer, for alphabets that several languages share.
_LATIN = {
    "english": "english",
    "german": "german",
    "french": "french",
    "spanish": "spanish",
    "italian": "italian",
    "portuguese": "portuguese",
    "dutch": "dutch",
    "swedish": "swedish",
    "norwegian": "norwegian",
    "danish": "danish",
    "finnish": "finnish",
    "polish": "polish",
    "czech": "czech",
    "romanian": "romanian",
    "hungarian": "hungarian",
    "turkish": "turkish",
    "indonesian": "indonesian",
    "catalan": "catalan",
}
_CYRILLIC = {"russian": "russian", "ukrainian": None, "bulgarian": None}
_ARABIC = {"arabic": "arabic", "persian": "persian"}
_ONE_TO_A_SCRIPT = {"greek": "greek", "hebrew": None, "hindi": "hindi"}
_STEMMERS: dict[str, str | None] = {**_LATIN, **_CYRILLIC, **_ARABIC, **_ONE_TO_A_SCRIPT}
_CODES = {
    "english": "en",
    "german": "de",
    "french": "fr",
    "spanish": "es",
    "italian": "it",
    "portuguese": "pt",
    "dutch": "nl",
    "swedish": "sv",
    "norwegian": "no",
    "danish": "da",
    "finnish": "fi",
    "polish": "pl",
    "czech": "cs",
    "romanian": "ro",
    "hungarian": "hu",
    "turkish": "tr",
    "indonesian": "id",
    "catalan": "ca",
    "russian": "ru",
    "ukrainian": "uk",
    "bulgarian": "bg",
    "arabic": "ar",
    "persian": "fa",
    "greek": "el",
    "hebrew": "he",
    "hindi": "hi",
}
PLAIN = ""  # no language we have a list for

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
# That list also holds the function words of half of Europe; by these English is told apart.
_ENGLISH = frozenset(
    "the and to of that it is was for you on with this be have are but not as at they we what there if can my your all"
    " will would so do from one about or out just like know when how them then some her him he she his its our i'm it's"
    " don't that's i've you're we're i'd i'll can't isn't doesn't didn't has had been were which who by more than who"
    " think really because only get got here why where should could these those their me an any no yes".split()
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
_TOKEN = regex.compile(
    rf"(?V1)(?P<pairs>[{CJK}\p{{Hangul}}\p{{Thai}}\p{{Lao}}\p{{Khmer}}\p{{Myanmar}}]+)"
    r"|(?P<word>[\p{L}\p{M}\p{Nd}]+(?:['’._][\p{L}\p{M}\p{Nd}]+)*)"
)
_KANA_PAIR = regex.compile(r"[\p{Hiragana}ー]{2}")
_WORDS = regex.compile(r"[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*")
_SCRIPTS: tuple[tuple[regex.Pattern[str], Iterable[str]], ...] = tuple(
    (regex.compile(rf"\p{{{script}}}"), names)
    for script, names in (
        ("Latin", _LATIN),
        ("Cyrillic", _CYRILLIC),
        ("Arabic", _ARABIC),
        ("Greek", ("greek",)),
        ("Hebrew", ("hebrew",)),
        ("Devanagari", ("hindi",)),
    )
)


def guess_language(text: str) -> str:
    """The name of the language whose everyday words `text` uses most, "english" in doubt, `PLAIN` if none can be."""
    head = text[:_GUESS_CHARACTERS_MAX]
    candidates = _LATIN if head.isascii() else _languages_of_script(head)
    hits = dict.fromkeys(candidates, 0)
    using = _languages_by_word()
    for word in _WORDS.findall(head):
        for name in using.get(word.casefold().replace("’", "'"), ()):
            if name in hits:
                hits[name] += 1
    best = max(hits, key=lambda name: hits[name], default=PLAIN)
    if "english" in hits and hits[best] <= hits["english"] + 1:
        return "english"
    return best


def _languages_of_script(text: str) -> Iterable[str]:
    """The languages written in the script that most letters of `text` belong to."""
    letters = [(len(pattern.findall(text)), names) for pattern, names in _SCRIPTS]
    most, names = max(letters, key=lambda counted: counted[0])
    return names if most else ()


def language_code(language: str) -> str:
    """The two-letter code of a guessed language, "en" for `PLAIN`."""
    return _CODES.get(language, "en")


def terms(text: str, language: str) -> tuple[str, ...]:
    """The distinct content stems of `text`, in order of first use; `language` as `guess_language` names it."""
    found: dict[str, None] = {}
    for match in _TOKEN.finditer(text):
        token = match.group()
        if match.lastgroup == "pairs":
            for at in range(max(1, len(token) - 1)):
                pair = token[at : at + 2]
                if not _KANA_PAIR.fullmatch(pair):
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
            forms = {*own, word, *(_snowball(word, stemmer) for stemmer in _LATIN.values())}
            seen[tuple(sorted(forms))] = None
    return tuple(seen)


def postings(all_terms: Iterable[Iterable[str]]) -> dict[str, list[int]]:
    """For each term the positions, ascending, of those in `all_terms` that have it."""
    found: dict[str, list[int]] = {}
    for i, own in enumerate(all_terms):
        for term in own:
            found.setdefault(term, []).append(i)
    return found


class Background:
    """How many of the room's units used each term: rare words tell more than common ones."""

    def __init__(self) -> None:
        self.total = 0
        self._counts: dict[str, int] = {}

    def add(self, unit_terms: Iterable[str]) -> None:
        """Count one unit's distinct terms."""
        self.total += 1
        counts = self._counts
        for term in unit_terms:
            counts[term] = counts.get(term, 0) + 1
        while len(self._counts) > BACKGROUND_TERMS_MAX:
            self._fade()

    def count(self, term: str) -> int:
        """How many units counted so far used `term`."""
        return self._counts.get(term, 0)

    def clear(self) -> None:
        """Forget everything."""
        self.total = 0
        self._counts.clear()

    def _fade(self) -> None:
        """Halve all counts: what was said once is forgotten, and the recent past weighs more."""
        self.total //= 2
        self._counts = {term: count // 2 for term, count in self._counts.items() if count > 1}


@cache
def everyday(language: str) -> frozenset[str]:
    """The case-folded stop words of a language named as `guess_language` does."""
    return frozenset(stop_words.get_stop_words(language))


@cache
def _languages_by_word() -> dict[str, tuple[str, ...]]:
    """For each everyday word the languages that use it."""
    using: dict[str, list[str]] = {}
    for language in _STEMMERS:
        for word in sorted(_ENGLISH if language == "english" else everyday(language)):
            using.setdefault(word, []).append(language)
    return {word: tuple(languages) for word, languages in using.items()}


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
    base, _, clitic = word.partition("'")
    if clitic and (base in _stops(language) or len(clitic) <= 2):
        word = base
    if len(word) < _STEMMED_CHARACTERS_MIN or word in _stops(language):
        return ""
    stemmer = _STEMMERS.get(language)
    return _snowball(word, stemmer) if stemmer else word


@cache
def _stemmer(name: str) -> snowballstemmer.basestemmer.BaseStemmer:
    return snowballstemmer.stemmer(name)


@lru_cache(maxsize=_STEMS_CACHED_MAX)
def _snowball(word: str, stemmer: str) -> str:
    return str(_stemmer(stemmer).stemWord(word))
