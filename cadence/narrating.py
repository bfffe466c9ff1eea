"""Who writes Alex' prose: the model that Alex' persona card names, in the voice of that card.

`personas/alex.md` is a card like any other. Its prompt is the editorial voice, its `model` the stem of a model card of
the place. Another card is another voice; what may be shown is decided by the grounding check, whoever writes.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from cadence.alex.paraphrase import Narrator
from cadence.models.chat import ChatModel
from cadence.personas.cards import MEDIATOR
from cadence.personas.place import Place


class NoNarrator(Exception):
    """Alex' card names a model that is not there; the text says which were expected. Alex quotes meanwhile."""


def narrator_for(place: Place, models: Mapping[str, ChatModel]) -> Narrator | None:
    """The narrator of a place, by its models' ids; None if Alex' card names no model. Raises `NoNarrator`."""
    card = place.personas.get(MEDIATOR)
    if card is None or card.model is None:
        return None
    if card.model not in models:
        near = difflib.get_close_matches(card.model, list(models), n=1, cutoff=0.0)
        hint = f"; the nearest is `{near[0]}`" if near else ""
        raise NoNarrator(
            f"personas/{MEDIATOR}.md: `model`: expected a card models/{card.model}.toml, got none{hint}; Alex quotes"
        )
    pronouns = {id: one.pronouns for id, one in place.personas.items()}
    return Narrator(models[card.model], card.prompt, pronouns)
