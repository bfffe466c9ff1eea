"""Who writes Alex' prose: the model that Alex' persona card names, in the voice of that card.

`personas/alex.md` is a card like any other. Its prompt is the editorial voice, its `model` the stem of a model card of
the place. Another card is another voice; what may be shown is decided by the grounding check, whoever writes.
"""

from __future__ import annotations

from collections.abc import Callable

from cadence.alex.paraphrase import Narrator
from cadence.models.chat import ChatModel, ModelError
from cadence.personas.cards import MEDIATOR
from cadence.personas.place import Place


class NoNarrator(Exception):
    """Alex' card names a model that is not there; the text says which were expected. Alex quotes meanwhile."""


def narrator_for(place: Place, models: Callable[[str], ChatModel]) -> Narrator | None:
    """The narrator of a place; None if Alex' card names no model. Raises `NoNarrator`.

    `models` gives the model with a card's name and raises `ModelError` if there is none that works.
    """
    card = place.personas.get(MEDIATOR)
    if card is None or card.model is None:
        return None
    try:
        model = models(card.model)
    except ModelError as error:
        raise NoNarrator(f"{card.model_at}: `model`: {error}; Alex quotes") from error
    pronouns = {id: one.pronouns for id, one in place.personas.items()}
    return Narrator(model, card.prompt, pronouns)
