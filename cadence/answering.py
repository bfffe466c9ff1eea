"""Who answers at `/v1`: Alex for all rooms one may read, and each persona whose card has a model that is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cadence.alex.condensing import AlexModels
from cadence.alex.driver import Driver
from cadence.alex.remote.mediators import Mediators
from cadence.models.chat import ChatModel
from cadence.personas.answering import PersonaModels
from cadence.personas.cards import Card
from cadence.rooms.hub import Hub
from cadence.rooms.wire import Member
from cadence.rooms.wire.completions import Models

ModelOf = Callable[[Card], ChatModel | None]


def no_model(card: Card) -> ChatModel | None:
    """The model of a persona on a server that was given none."""
    return None


def models_of(
    hub: Hub, alex: Driver | Mediators, cards: Callable[[], Mapping[str, Card]], model_of: ModelOf = no_model
) -> tuple[Models, ...]:
    """Everything that answers on this server."""

    def readable(asker: Member | None) -> list[str]:
        now = hub.clock()
        return [
            room.info.room
            for room in hub.rooms()
            if room.admits(asker) and (asker is None or room.standing.out_s(asker.id, now) == 0)
        ]

    return AlexModels(readable, alex.answer, hub.clock), PersonaModels(cards, model_of)
