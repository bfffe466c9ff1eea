"""The model cards of a place. Reading blocks; where a loop runs, call it from a thread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cadence.fields import Problem, Report
from cadence.folder import Folder
from cadence.models.cards import CARD_BYTES_MAX, ModelCard, parse_model_card


@dataclass(frozen=True, slots=True)
class Cards:
    """The cards without problems, by id, in the order of ids; and every problem of the others."""

    models: dict[str, ModelCard]
    problems: tuple[Problem, ...] = ()


def load_cards(place: Path) -> Cards:
    """Every `models/ID.toml` of the folder `place`. Raises nothing for content."""
    folder = Folder(place)
    models: dict[str, ModelCard] = {}
    problems: list[Problem] = []
    for id, path in folder.ids("models", ".toml"):
        report = Report(folder.name(path))
        text = folder.text(path, CARD_BYTES_MAX, report)
        card = None if text is None else parse_model_card(id, text, report)
        if card is not None:
            models[id] = card
        problems += report.all()
    return Cards(models, (*folder.problems, *problems))
