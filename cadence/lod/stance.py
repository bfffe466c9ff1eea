"""Whether a message objects to, or merely agrees with, the one it answers.

Only what is said explicitly counts: a message that answers (a reply edge or a quotation) and opens with a cue.
What readers are told about a dispute rests on this alone; guesses never do (LOD.md section 5, law 9).

Pure: no clock, no files.
"""

from __future__ import annotations

from typing import Literal

import regex

Stance = Literal["objection", "agreement"]

AGREEMENT_WORDS_MAX = 6  # a longer message says something of its own
_OPENING_CHARACTERS = 160  # where a cue must stand

# Openings that contradict, by language; a cue ends at a word's end. Weak ones ("well", "hmm") are left out: a
# missed objection competes like any other clause, a false one would put words of dispute into somebody's mouth.
_OBJECTIONS = (
    r"-1(?!\d)",
    r"👎",
    # English
    r"no[,.!;:—-]",
    r"no$",
    r"nope",
    r"but",
    r"(?:sorry|no|yes|maybe|perhaps|true|right|sure|fine|ok(?:ay)?|well)[,.]? (?:but|no)",
    r"(?:i |we )?(?:strongly |respectfully |still )?(?:disagree|object|oppose)",
    r"objection",
    r"(?:i |we )(?:do not|don['’]t|can['’]t|cannot) (?:agree|accept|buy)",
    r"(?:that|this|it)(?:['’]s| is) (?:just |simply |plainly )?(?:wrong|not (?:true|right|so|correct)|false|nonsense)",
    r"(?:that|this) (?:does not|doesn['’]t|won['’]t|cannot|can['’]t) (?:work|follow|hold|help)",
    r"not (?:true|so|quite|at all|necessarily)",
    r"on the contrary",
    r"absolutely not",
    r"wrong",
    r"i (?:would not|wouldn['’]t|will not|won['’]t) (?:accept|do|trade|sign|call)",
    # German, French, Spanish, Italian, Portuguese, Dutch
    r"nein|falsch|aber|doch nicht|stimmt nicht|das stimmt nicht|ich widerspreche|einspruch|im gegenteil",
    r"non|faux|mais|pas d['’]accord|je ne suis pas d['’]accord|au contraire",
    r"falso|pero|no estoy de acuerdo|al contrario|ma no|ma|sbagliato|non sono d['’]accordo",
    r"não|mas|errado|discordo|nee|maar|onjuist|oneens",
)
_AGREEMENTS = (
    r"\+1(?!\d)|👍|💯|✅",
    r"agreed?|i agree|we agree|fully agree|seconded|same(?: here)?|exactly|indeed|precisely|this",
    r"fine by me|works for me|sounds good",
    r"good (?:point|idea|catch)|makes sense|me too|ditto|well said|fair(?: enough| point)?|\+1",
    r"genau|richtig|einverstanden|stimmt|d['’]accord|exactement|exacto|de acuerdo|d['’]accordo|eens|klopt",
)
_AFFIRMATIONS = (  # answers where something was asked
    r"yes|yep|yeah|right|true|correct|sure|of course|absolutely|definitely|ok(?:ay)?",
    r"ja|oui|sí|si|sim",
)
_OBJECTION = regex.compile(rf"(?:{'|'.join(_OBJECTIONS)})(?!\p{{L}})", regex.IGNORECASE)
_LATER = regex.compile(  # said so plainly that it need not come first
    r"(?<=[.!?]\s)(?:i|we) (?:strongly |respectfully |still )?(?:disagree|object|oppose)(?!\p{L})", regex.IGNORECASE
)
_DENIAL = regex.compile(r"(?:no|nope|not|nein|non|não|nee)(?!\p{L})", regex.IGNORECASE)  # may also answer a question
_AGREEMENT = regex.compile(rf"(?:{'|'.join(_AGREEMENTS)})(?!\p{{L}})", regex.IGNORECASE)
_ASSENT = regex.compile(rf"(?:{'|'.join(_AGREEMENTS + _AFFIRMATIONS)})(?!\p{{L}})", regex.IGNORECASE)
_NAME = regex.compile(r"@?[\p{L}\p{N}_-]{1,40}[,:] +")
_QUOTE = regex.compile(r"(?:[ ]{0,3}>[^\n]*(?:\n|$))+")


def quoted(text: str) -> str:
    """What a message quotes at its beginning (Markdown `> `), or ""."""
    found = _QUOTE.match(text.lstrip("\n"))
    if found is None:
        return ""
    lines = [line.strip().removeprefix(">").strip() for line in found.group().splitlines()]
    return " ".join(line for line in lines if line)


def stance(text: str, *, to_question: bool = False) -> Stance | None:
    """The stance of a message that answers another. Whether it does answer one is for the caller to know.

    `to_question`: the other asks something, so that a plain "no" or "yes" is an answer and takes no side.
    """
    opening = text.lstrip("\n")[: 16 * _OPENING_CHARACTERS]
    quote = _QUOTE.match(opening)
    said = (opening[quote.end() :] if quote else opening).strip()[:_OPENING_CHARACTERS]
    for opening in (said, _NAME.sub("", said, count=1) if _NAME.match(said) else ""):
        if not opening:
            continue
        if _LATER.search(opening) or (_OBJECTION.match(opening) and not (to_question and _DENIAL.match(opening))):
            return "objection"
        if _merely_agrees(opening, _AGREEMENT if to_question else _ASSENT):
            return "agreement"
    return None


def _merely_agrees(said: str, cues: regex.Pattern[str]) -> bool:
    """Whether nothing is left of a short text once its cues of agreement are taken away."""
    if len(said) >= _OPENING_CHARACTERS or len(said.split()) > AGREEMENT_WORDS_MAX:
        return False
    rest = said
    while found := cues.match(rest):
        rest = rest[found.end() :].lstrip(" ,.!;:-–—)")
        if not rest:
            return True
    return False
