"""Porter's stemmer (1980) with the extensions of NLTK, as `rouge-score` uses it. Words in lower case."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

_IRREGULAR = {
    "skies": "sky", "dying": "die", "lying": "lie", "tying": "tie",
    "innings": "inning", "outings": "outing", "cannings": "canning",
} | {word: word for word in ("sky", "news", "howe", "proceed", "exceed", "succeed")}  # fmt: skip
_STEP_2 = (
    ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("bli", "ble"),
    ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize"), ("ation", "ate"),
    ("ator", "ate"), ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"),
    ("iviti", "ive"), ("biliti", "ble"), ("fulli", "ful"),
)  # fmt: skip
_STEP_3 = (
    ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", ""),
)  # fmt: skip
_STEP_4 = (
    "al ance ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize".split()
)  # fmt: skip


@cache
def stem(word: str) -> str:
    """The stem of `word`; words of one or two letters are their own."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) <= 2:
        return word
    word = _past_and_present(_plural(word))
    if word.endswith("y") and len(word) > 2 and _consonant(word, len(word) - 2):
        word = word[:-1] + "i"
    return _final(_step_4(_step_3(_step_2(word))))


def _consonant(word: str, i: int) -> bool:
    if word[i] == "y":
        return i == 0 or not _consonant(word, i - 1)
    return word[i] not in "aeiou"


def _measure(stem: str) -> int:
    """How often a consonant follows a vowel: the m of Porter's [C](VC)^m[V]."""
    kinds = [_consonant(stem, i) for i in range(len(stem))]
    return sum(after and not before for before, after in zip(kinds, kinds[1:], strict=False))


def _has_vowel(stem: str) -> bool:
    return not all(_consonant(stem, i) for i in range(len(stem)))


def _doubled(word: str) -> bool:
    return len(word) >= 2 and word[-1] == word[-2] and _consonant(word, len(word) - 1)


def _short(word: str) -> bool:
    """Ends in consonant, vowel, consonant other than w, x, y; or is a vowel and a consonant."""
    if len(word) >= 3:
        kinds = [_consonant(word, i) for i in range(len(word) - 3, len(word))]
        return kinds == [True, False, True] and word[-1] not in "wxy"
    return len(word) == 2 and not _consonant(word, 0) and _consonant(word, 1)


def _plural(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + ("ie" if len(word) == 4 else "i")
    if word.endswith("sses"):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _past_and_present(word: str) -> str:
    if word.endswith("ied"):
        return word[:-3] + ("ie" if len(word) == 4 else "i")
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    for ending in ("ed", "ing"):
        if word.endswith(ending) and _has_vowel(word[: -len(ending)]):
            return _mended(word[: -len(ending)])
    return word


def _mended(stem: str) -> str:
    if stem.endswith(("at", "bl", "iz")):
        return stem + "e"
    if _doubled(stem):
        return stem if stem[-1] in "lsz" else stem[:-1]
    return stem + "e" if _measure(stem) == 1 and _short(stem) else stem


def _step_2(word: str) -> str:
    if word.endswith("alli") and _measure(word[:-4]) > 0:
        return _step_2(word[:-2])
    if word.endswith("logi"):  # NLTK counts the l to the stem
        return word[:-1] if _measure(word[:-3]) > 0 else word
    return _replaced(word, _STEP_2, lambda stem: _measure(stem) > 0)


def _step_3(word: str) -> str:
    return _replaced(word, _STEP_3, lambda stem: _measure(stem) > 0)


def _step_4(word: str) -> str:
    for ending in _STEP_4:
        if word.endswith(ending):
            stem = word[: -len(ending)]
            removable = _measure(stem) > 1 and (ending != "ion" or stem[-1:] in ("s", "t"))
            return stem if removable else word
    return word


def _replaced(word: str, rules: tuple[tuple[str, str], ...], holds: Callable[[str], bool]) -> str:
    """The first rule whose ending fits decides."""
    for ending, instead in rules:
        if word.endswith(ending):
            stem = word[: len(word) - len(ending)]
            return stem + instead if holds(stem) else word
    return word


def _final(word: str) -> str:
    if word.endswith("e"):
        stem = word[:-1]
        if _measure(stem) > 1 or (_measure(stem) == 1 and not _short(stem)):
            word = stem
    if word.endswith("ll") and _measure(word[:-1]) > 1:
        word = word[:-1]
    return word
