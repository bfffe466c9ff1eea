"""What a language model answered, as what a mind would say: thoughts taken off, PASS understood, nobody impersonated.

Pure: text in, draft out. Nothing is put into anybody's mouth: text is only ever cut away.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from cadence.personas.cards import name_key

TEXT_CHARS_MAX = 8_000  # of one message; a model that goes on is cut at the end of a line or a word
_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_THOUGHT_END = re.compile(r"\A.*</(?:think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"\A#(\d{1,15})\b[\s:,.—-]*")
_SPEAKER = re.compile(
    r"^(?:#\d{1,15} )?(?:\(to [^)\n]{1,60}\) )?\**([^\n:*]{1,40}?)(?: \(a person\))?\**:\**[ \t]*", re.MULTILINE
)
_PASS = re.compile(r"[\W_]*pass[\W_]*\Z", re.IGNORECASE)
_PASS_LINE = re.compile(r"\A[\W_]*PASS[\W_]*(?:\n|\Z)")


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that could be said. `reply_to` is the seq the model chose to answer, None if it named none."""

    text: str
    reply_to: int | None = None


def read_draft(answer: str, own_name: str, names: Collection[str]) -> Draft | None:
    """The message in a model's answer; None if it passes. `names` are the other members'.

    A thought in tags is taken off (also one whose opening tag the endpoint kept); so are the own name and a number in
    front. Where the model goes on to speak for somebody else, the draft ends.
    """
    text = _THOUGHT_END.sub("", answer) if "</" in answer else answer
    text = _THOUGHT.sub("", text).strip()
    own, others = name_key(own_name), {name_key(name) for name in names}
    text, reply_to = _unnumbered(text)
    heading = _SPEAKER.match(text)
    if heading is not None and name_key(heading[1].strip()) == own:
        text = text[heading.end() :].lstrip()
        if reply_to is None:
            text, reply_to = _unnumbered(text)
    for heading in _SPEAKER.finditer(text):
        speaker = name_key(heading[1].strip())
        if speaker in others or (speaker == own and heading.start() > 0):
            text = text[: heading.start()].rstrip()
            break
    if not text or _PASS.match(text) or _PASS_LINE.match(text):
        return None
    return Draft(_shortened(text), reply_to)


def _unnumbered(text: str) -> tuple[str, int | None]:
    found = _NUMBER.match(text)
    return (text, None) if found is None else (text[found.end() :], int(found[1]))


def _shortened(text: str) -> str:
    if len(text) <= TEXT_CHARS_MAX:
        return text
    kept = text[:TEXT_CHARS_MAX]
    end = max(kept.rfind("\n"), kept.rfind(" "))
    return kept[: end if end > TEXT_CHARS_MAX // 2 else TEXT_CHARS_MAX].rstrip()
