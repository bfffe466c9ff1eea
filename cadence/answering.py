"""Who answers at `/v1`: Alex for all rooms one may read, and each persona whose card has a model that is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cadence.alex.condensing import AlexModels
from cadence.alex.driver import Driver
from cadence.alex.remote.mediators import Mediators
from cadence.models.chat import ChatModel, ModelError
from cadence.personas.answering import PersonaModels
from cadence.personas.cards import Card
from cadence.rooms.hub import Hub
from cadence.rooms.wire import Member
from cadence.rooms.wire.completions import Models

ModelSource = Callable[[str], ChatModel]


def no_models(name: str) -> ChatModel:
    """The models of a server that was given none."""
    raise ModelError("unknown_model", f"expected a model card models/{name}.toml, got none")


def models_of(
    hub: Hub, alex: Driver | Mediators, cards: Callable[[], Mapping[str, Card]], models: ModelSource = no_models
) -> tuple[Models, ...]:
    """Everything that answers on this server."""

    def readable(asker: Member | None) -> list[str]:
        now = hub.clock()
        return [
            room.info.room
            for room in hub.rooms()
            if room.admits(asker) and (asker is None or room.standing.out_s(asker.id, now) == 0)
        ]

    def model_of(card: Card) -> ChatModel | None:
        try:
            return None if card.model is None else models(card.model)
        except ModelError:
            return None  # what is wrong with the card was told when the place was read

    return AlexModels(readable, alex.answer, hub.clock), PersonaModels(cards, model_of)
