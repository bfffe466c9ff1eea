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
| `model` | optional | 1 to 200 characters: the name of a language model |
| `temperament` | optional | 1 to 400 characters |

The prompt must not be empty. The stem is the persona's id, [a-z0-9_-]{1,64}; `alex` is the mediator and never
a member of a room; `host` is the host's own id and no persona's. `README.md` is not a card.

Pure: text in, card and problems out.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta, Struct

from cadence.fields import Report, parse_toml, read

CARD_BYTES_MAX = 64 * 1024
MEDIATOR = "alex"
RESERVED_IDS = ("host",)
_FENCE = "+++"
_JOINERS = "\u200c\u200d"  # they hold emoji and several scripts together


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


def _text(length_max: int) -> Meta:
    return Meta(min_length=1, max_length=length_max, description=f"a string of 1 to {length_max} characters")


class _Front(Struct, frozen=True):
    name: Annotated[str, _text(40)]
    pronouns: Annotated[str, _text(40)]
    voice: Annotated[str, _text(100)] | None = None
    model: Annotated[str, _text(200)] | None = None
    temperament: Annotated[str, _text(400)] | None = None


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
    if front is None or report.problems:
        return None
    return Card(id, front.name, front.pronouns, prompt, front.voice, front.model, front.temperament)


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
