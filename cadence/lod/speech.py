"""Cleaning of transcribed speech: what a person's ear skips anyway is taken out before anyone has to read it.

Only words are dropped, never changed, added or moved: the words of the result are a subsequence of the words of the
source, which is how a stranger checks a quote of something spoken. Hedges ("I think"), intensifiers ("very"),
negations, numbers, yes, no and but always stay: without them a speaker would say something else.

One pass over the tokens with a stack. What is dropped: sounds (um, {laugh}), fragments (th- this), repeated groups of
one to four words (I I think I think), and "you know", "I mean", "like" where commas set them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import regex

from cadence.lod.languages import everyday

STUTTER_WORDS_MAX = 4
_FRAGMENT_LETTERS_MAX = 4

_TAG = regex.compile(
    r"\{[A-Za-z_]{1,40}\}"
    r"|\[(?i:laughter|laughs|laughing|inaudible|crosstalk|noise|pause|applause|music|coughs?|silence|unintelligible)"
    r"\.?\]"
    r"|<(?i:laugh|laughter|pause|cough|noise|breath|unk)>"
)
_SIGNS = ",.;:?!…"
_DASH = frozenset({"-", "--", "–", "—"})
_SOUNDS = frozenset(
    "um umm uhm uh uhh er erm ehm eh ah aah hm hmm hmmm mm mmm mhm mm-hmm mm-mm uh-huh uh-hum huh hum ähm äh öhm euh"
    " oh ooh".split()
)
# Said twice these mean more than said once.
_EMPHASIS = frozenset(
    "very really so much many more most far long way never no not nope yes yeah yep but too had again ever"
    " always please one two three four five six seven eight nine ten zero hundred thousand million"
    " nein ja doch sehr non oui très sí muy".split()
)
_ASIDES = {"know": ("you", "know"), "mean": ("i", "mean"), "like": ("like",)}  # by their last word
_HARD = frozenset(".?!…;:")
_VOWELS = frozenset("aeiouy")


@dataclass(slots=True)
class _Token:
    """A word with the punctuation that follows it."""

    core: str
    key: str  # case-folded
    after: str  # "" or signs such as "," "." " -"

    @property
    def hard(self) -> bool:
        return not _HARD.isdisjoint(self.after)


def clean_spoken(text: str) -> str:
    """What was said, without the noises of saying it; "" if nothing else was said.

    Idempotent. A text with a fenced block is not speech and comes back as it is.
    """
    if "```" in text or "~~~" in text:
        return text
    kept: list[_Token] = []
    for raw in _TAG.sub(" ", text).split():
        core, after = _split(raw)
        key = core.casefold()
        if not core or key in _SOUNDS:
            _punctuate(kept, after)
        else:
            kept.append(_Token(core, key, after))
            _reduce(kept)
        _drop_aside(kept)
    return " ".join([token.core + token.after for token in kept])


def _split(raw: str) -> tuple[str, str]:
    """A token of the source as (core, punctuation after it); a lone dash is punctuation."""
    if raw in _DASH:
        return "", " " + raw
    core = raw.rstrip(_SIGNS)
    return core, raw[len(core) :]


def _punctuate(kept: list[_Token], after: str) -> None:
    """Give punctuation that lost its word to the word before; a stronger sign replaces a weaker one."""
    if not kept or not after:
        return
    last = kept[-1]
    if not last.after or (not last.hard and not _HARD.isdisjoint(after)):
        last.after = after


def _reduce(kept: list[_Token]) -> None:
    """Take out what the newest token has made superfluous before it."""
    while len(kept) > 1 and _is_fragment(kept[-2], kept[-1]):
        del kept[-2]
    while _fold(kept):
        pass  # a broken word made whole can complete a longer repetition


def _is_fragment(token: _Token, following: _Token) -> bool:
    """Whether `token` is the broken beginning ("th-", "th") of the word after it."""
    if token.hard or token.key == following.key:
        return False
    stem = token.core.rstrip("-")
    if not stem.isalpha() or token.key in _EMPHASIS or not following.core.startswith(stem):
        return False
    if token.core.endswith("-"):
        return len(stem) <= _FRAGMENT_LETTERS_MAX
    return not token.after and len(stem) < _FRAGMENT_LETTERS_MAX and _VOWELS.isdisjoint(token.key)


def _fold(kept: list[_Token]) -> bool:
    """Keep one of two repeated groups at the end of the stack: the words of the first, the signs of the second."""
    for length in range(1, min(STUTTER_WORDS_MAX, len(kept) // 2) + 1):
        if _repeats(kept, length):
            if kept[-1].key != kept[-1 - length].key:
                kept[-1 - length] = kept[-1]
            for before, again in zip(kept[-2 * length : -length], kept[-length:], strict=True):
                before.after = again.after
            del kept[-length:]
            return True
    return False


def _repeats(kept: list[_Token], length: int) -> bool:
    """Whether the last `length` tokens say again what the ones before them said, or broke off saying."""
    if not kept[-1].key.startswith(kept[-1 - length].key):
        return False
    first, second = kept[-2 * length : -length], kept[-length:]
    if any(a.hard or a.key != b.key for a, b in zip(first[:-1], second[:-1], strict=True)) or first[-1].hard:
        return False
    if first[-1].key != second[-1].key:
        broken = first[-1].key
        whole = first[-1].after or len(broken) >= _FRAGMENT_LETTERS_MAX or not broken.isalpha()
        return length > 1 and not whole and (broken not in everyday("english") or _VOWELS.isdisjoint(broken))
    return not all(token.key in _EMPHASIS or any(map(str.isdigit, token.key)) for token in first)


def _drop_aside(kept: list[_Token]) -> None:
    """Drop "you know" and the like from the end of the stack, if punctuation sets it apart on both sides."""
    aside = _ASIDES.get(kept[-1].key) if kept and kept[-1].after == "," else None
    if aside is None or tuple(token.key for token in kept[-len(aside) :]) != aside:
        return
    if any(token.after for token in kept[-len(aside) : -1]):
        return
    if len(kept) == len(aside) or kept[-len(aside) - 1].after:
        del kept[-len(aside) :]
