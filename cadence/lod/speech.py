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
_ASIDES = (("you", "know"), ("i", "mean"), ("like",))
_HARD = frozenset(".?!…;:")


@dataclass(slots=True)
class _Token:
    """A word with the punctuation that follows it."""

    core: str
    after: str  # "" or signs such as "," "." " -"

    @property
    def key(self) -> str:
        return self.core.casefold()

    @property
    def hard(self) -> bool:
        return any(sign in _HARD for sign in self.after)


def clean_spoken(text: str) -> str:
    """What was said, without the noises of saying it; "" if nothing else was said.

    Idempotent. A text with a fenced block is not speech and comes back as it is.
    """
    if "```" in text or "~~~" in text:
        return text
    kept: list[_Token] = []
    for raw in _TAG.sub(" ", text).split():
        core, after = _split(raw)
        if not core:
            _punctuate(kept, after)
            continue
        token = _Token(core, after)
        if token.key in _SOUNDS:
            _punctuate(kept, after if token.hard else "")
            continue
        kept.append(token)
        _reduce(kept)
    return " ".join(token.core + token.after for token in kept)


def _split(raw: str) -> tuple[str, str]:
    """A token of the source as (core, punctuation after it); a lone dash is punctuation."""
    if raw in _DASH:
        return "", " " + raw
    core = raw.rstrip(_SIGNS)
    return core, raw[len(core) :]


def _punctuate(kept: list[_Token], after: str) -> None:
    """Move punctuation that lost its word to the word before; the stronger sign wins."""
    if not kept or not after:
        return
    last = kept[-1]
    if not last.after or (not last.hard and any(sign in _HARD for sign in after)):
        last.after = after


def _reduce(kept: list[_Token]) -> None:
    """Take out what the newest token has made superfluous at the end of the stack."""
    newest = kept[-1]
    while len(kept) > 1 and _is_fragment(kept[-2], newest):
        del kept[-2]
    for length in range(1, STUTTER_WORDS_MAX + 1):
        if _repeats(kept, length):
            first = kept[-2 * length : -length]
            for before, after in zip(first, kept[-length:], strict=True):
                before.after = after.after
            del kept[-length:]
            break
    for aside in _ASIDES:
        if _is_aside(kept, aside):
            del kept[-len(aside) :]
            break


def _is_fragment(token: _Token, following: _Token) -> bool:
    """Whether `token` is the broken beginning ("th-") of the word after it."""
    stem = token.key.rstrip("-")
    return (
        token.key.endswith("-")
        and not token.hard
        and 0 < len(stem) <= _FRAGMENT_LETTERS_MAX
        and stem not in _EMPHASIS
        and following.key != token.key
        and following.key.startswith(stem)
    )


def _repeats(kept: list[_Token], length: int) -> bool:
    """Whether the last `length` tokens say again what the ones before them said."""
    if len(kept) < 2 * length:
        return False
    first, second = kept[-2 * length : -length], kept[-length:]
    if any(token.hard for token in first) or any(a.key != b.key for a, b in zip(first, second, strict=True)):
        return False
    return not all(token.key in _EMPHASIS or any(sign.isdigit() for sign in token.key) for token in first)


def _is_aside(kept: list[_Token], words: tuple[str, ...]) -> bool:
    """Whether the stack ends with `words`, set apart by punctuation on both sides."""
    count = len(words)
    if len(kept) < count or tuple(token.key for token in kept[-count:]) != words:
        return False
    if any(token.after for token in kept[-count:-1]) or kept[-1].after != ",":
        return False
    return len(kept) == count or bool(kept[-count - 1].after)
