"""Which language a text is in, cheaply: by its script, then by its everyday words.

The lists of everyday words are read from the installed package when first needed, then kept; apart from that reading
the module is pure. A guess decides only how words are compared, so a wrong one costs a little and breaks nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import regex
import stop_words

PLAIN = ""  # no language we have a list for
_GUESS_CHARACTERS_MAX = 2_000  # the beginning of a text tells its language


@dataclass(frozen=True, slots=True)
class _Language:
    code: str
    script: str
    stemmer: str | None


_LANGUAGES = {
    "english": _Language("en", "Latin", "english"),
    "german": _Language("de", "Latin", "german"),
    "french": _Language("fr", "Latin", "french"),
    "spanish": _Language("es", "Latin", "spanish"),
    "italian": _Language("it", "Latin", "italian"),
    "portuguese": _Language("pt", "Latin", "portuguese"),
    "dutch": _Language("nl", "Latin", "dutch"),
    "swedish": _Language("sv", "Latin", "swedish"),
    "norwegian": _Language("no", "Latin", "norwegian"),
    "danish": _Language("da", "Latin", "danish"),
    "finnish": _Language("fi", "Latin", "finnish"),
    "polish": _Language("pl", "Latin", "polish"),
    "czech": _Language("cs", "Latin", "czech"),
    "romanian": _Language("ro", "Latin", "romanian"),
    "hungarian": _Language("hu", "Latin", "hungarian"),
    "turkish": _Language("tr", "Latin", "turkish"),
    "indonesian": _Language("id", "Latin", "indonesian"),
    "catalan": _Language("ca", "Latin", "catalan"),
    "russian": _Language("ru", "Cyrillic", "russian"),
    "ukrainian": _Language("uk", "Cyrillic", None),
    "bulgarian": _Language("bg", "Cyrillic", None),
    "arabic": _Language("ar", "Arabic", "arabic"),
    "persian": _Language("fa", "Arabic", "persian"),
    "greek": _Language("el", "Greek", "greek"),
    "hebrew": _Language("he", "Hebrew", None),
    "hindi": _Language("hi", "Devanagari", "hindi"),
}
_BY_SCRIPT: dict[str, list[str]] = {}
for _name, _language in _LANGUAGES.items():
    _BY_SCRIPT.setdefault(_language.script, []).append(_name)
_SCRIPTS = tuple((regex.compile(rf"\p{{{script}}}"), names) for script, names in _BY_SCRIPT.items())
# What a shared alphabet may be stemmed by, when the language of a word is not known.
LATIN_STEMMERS = tuple(one.stemmer for one in _LANGUAGES.values() if one.script == "Latin" and one.stemmer)
_WORDS = regex.compile(r"[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*")

# The English list also holds the function words of half of Europe; by these English is told apart.
_ENGLISH = frozenset(
    "the and to of that it is was for you on with this be have are but not as at they we what there if can my your all"
    " will would so do from one about or out just like know when how them then some her him he she his its our i'm it's"
    " don't that's i've you're we're i'd i'll can't isn't doesn't didn't has had been were which who by more than who"
    " think really because only get got here why where should could these those their me an any no yes".split()
)


def guess_language(text: str) -> str:
    """The name of the language whose everyday words `text` uses most, "english" in doubt, `PLAIN` if none can be."""
    head = text[:_GUESS_CHARACTERS_MAX]
    candidates = _BY_SCRIPT["Latin"] if head.isascii() else _languages_of_script(head)
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
    return _LANGUAGES[language].code if language else "en"


def stemmer_name(language: str) -> str | None:
    """The Snowball stemmer of a guessed language, None if there is none."""
    return _LANGUAGES[language].stemmer if language else None


@cache
def everyday(language: str) -> frozenset[str]:
    """The case-folded stop words of a language named as `guess_language` does."""
    return frozenset(stop_words.get_stop_words(language))


@cache
def _languages_by_word() -> dict[str, tuple[str, ...]]:
    """For each everyday word the languages that use it."""
    using: dict[str, list[str]] = {}
    for language in _LANGUAGES:
        for word in sorted(_ENGLISH if language == "english" else everyday(language)):
            using.setdefault(word, []).append(language)
    return {word: tuple(languages) for word, languages in using.items()}
