"""Persona cards: who speaks, in which manner.

A card is `personas/ID.md`: TOML front matter between two lines `+++`, then the prompt.

    +++
    name = "Mira"
    pronouns = "she/her"
    temperament = "dry, patient, counts before she argues"
    +++
    You are Mira. You have run appointment desks for eleven years ...

| key | | |
|---|---|---|
| `name` | required | 1 to 40 characters, NFKC, no control characters, unique in the place whatever the case |
| `pronouns` | required | 1 to 40 characters: "they/them" |
| `voice` | optional | 1 to 100 characters: the name of a voice |
| `model` | optional | 1 to 200 characters: a model card; with it the persona is a mind |
| `temperament` | optional | 1 to 400 characters |
| `interests` | optional | at most 8 texts of 1 to 200 characters; what touches them makes the mind look up |
| `silence_s` | optional | 0 to 86,400: after so much quiet it may speak unasked (120); 0: never |
| `answer_tokens` | optional | 16 to 32,768: the longest answer of the model, its thoughts included (600) |
| `temperature` | optional | 0 to 2: how freely the model chooses its words (0.7) |
| `tools` | optional | names of tools the model may use: calculate, python |

The prompt must not be empty. The stem is the persona's id, [a-z0-9_-]{1,64}; `alex` is the mediator and never
a member of a room; `host` is the host's own id and no persona's. `README.md` is not a card.

Pure: text in, card and problems out.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta, Struct

from cadence.fields import Report, brief, line_of, nearest, parse_toml, read
from cadence.personas.tools import TOOLS

CARD_BYTES_MAX = 64 * 1024
MEDIATOR = "alex"
RESERVED_IDS = ("host",)
_FENCE = "+++"
_JOINERS = "\u200c\u200d"  # they hold emoji and several scripts together


@dataclass(frozen=True, slots=True)
class Manner:
    """How a persona with a model behaves as a mind; durations in seconds, `answer_tokens` with the model's thoughts."""

    interests: tuple[str, ...] = ()
    silence_s: float = 120.0
    answer_tokens: int = 600
    temperature: float = 0.7
    tools: tuple[str, ...] = ()


MANNER = Manner()


@dataclass(frozen=True, slots=True)
class Card:
    """One persona as a host wrote it. `prompt` is for a language model; nobody in a room sees it."""

    id: str
    name: str
    pronouns: str
    prompt: str
    voice: str | None = None
    model: str | None = None
    temperament: str | None = None
    manner: Manner = field(default_factory=Manner)
    model_line: int | None = None  # where the card names its model, for whoever has to say that it is broken

    @property
    def file(self) -> str:
        """How problems call the card."""
        return f"personas/{self.id}.md"

    @property
    def model_at(self) -> str:
        """The file and line that name the model."""
        return self.file if self.model_line is None else f"{self.file}:{self.model_line}"


def _text(length_max: int) -> Meta:
    return Meta(min_length=1, max_length=length_max, description=f"a string of 1 to {length_max} characters")


class _Front(Struct, frozen=True):
    name: Annotated[str, _text(40)]
    pronouns: Annotated[str, _text(40)]
    voice: Annotated[str, _text(100)] | None = None
    model: Annotated[str, _text(200)] | None = None
    temperament: Annotated[str, _text(400)] | None = None
    interests: Annotated[tuple[Annotated[str, _text(200)], ...], Meta(max_length=8)] = ()
    silence_s: Annotated[float, Meta(ge=0, le=86_400)] = MANNER.silence_s
    answer_tokens: Annotated[int, Meta(ge=16, le=32_768)] = MANNER.answer_tokens
    temperature: Annotated[float, Meta(ge=0, le=2)] = MANNER.temperature
    tools: tuple[str, ...] = ()


def parse_card(id: str, text: str, report: Report) -> Card | None:
    """The card in `text`, or None after telling `report` every problem."""
    lines = text.removeprefix("\ufeff").splitlines()
    report.source = text
    if not lines or lines[0].rstrip() != _FENCE:
        report.tell(f"expected the first line to be `{_FENCE}` (TOML front matter), got something else", line=1)
        return None
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE), None)
    if end is None:
        report.tell(f"expected a second line `{_FENCE}` to end the front matter, got none", line=len(lines))
        return None
    # The blank line stands for the fence, so that the parser counts lines as an editor does.
    table = parse_toml("\n".join(["", *lines[1:end]]), report)
    prompt = "\n".join(lines[end + 1 :]).strip()
    if not prompt:
        report.tell("expected the prompt after the front matter, got nothing", line=end + 1)
    front = None if table is None else read(_Front, table, report)
    complaint = name_complaint(front.name) if front else None
    if complaint:
        report.tell(complaint, field="name")
    for tool in front.tools if front else ():
        if tool not in TOOLS:
            known = ", ".join(TOOLS)
            report.tell(
                f"expected tools out of {known}; the nearest to {brief(tool)} is `{nearest(tool, TOOLS)}`",
                field="tools",
            )
    if front is None or report.problems:
        return None
    manner = Manner(
        front.interests, front.silence_s, front.answer_tokens, front.temperature, tuple(dict.fromkeys(front.tools))
    )
    model_line = None if front.model is None else line_of(report.source, "model")
    return Card(id, front.name, front.pronouns, prompt, front.voice, front.model, front.temperament, manner, model_line)


def name_complaint(name: str) -> str | None:
    """Why `name` cannot be shown as somebody's name, or None. Length is not looked at."""
    if any(char not in _JOINERS and unicodedata.category(char)[0] in "CZ" and char != " " for char in name):
        return "expected a name without control characters and odd spaces"
    plain = " ".join(unicodedata.normalize("NFKC", name).split())
    if plain != name:
        return f"expected the name in its plain form (NFKC, single spaces): {plain!r}"
    return None if name_key(name) else "expected a name that can be seen"


def name_key(name: str) -> str:
    """What two names share that nobody could tell apart by ear: case and joiners do not count."""
    return "".join(char for char in unicodedata.normalize("NFKC", name).casefold() if char not in _JOINERS)
