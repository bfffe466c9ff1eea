from __future__ import annotations

from cadence.answering import models_of
from cadence.models.scripted import ScriptedModel
from cadence.personas.cards import Card
from cadence.rooms.room import RoomInfo
from cadence.rooms.wire import Member, ViewPatch
from tests import mortal
from tests.actors import ROOM
from tests.rooms.house import clock

RAE, HOST = Member("rae", "Rae", "human", "guest"), Member("host", "Host", "human", "host")
CARDS = {"vera": Card("vera", "Vera", "she/her", "You are Vera.", model="m")}


async def test_alex_answers_for_the_rooms_one_may_read_and_personas_for_those_with_a_name() -> None:
    server = mortal.Server(clock, ViewPatch())
    await server.start()
    await server.hub.open_room(RoomInfo("attic", "The attic", public=False))
    alex, personas = models_of(server.hub, server.driver, lambda: CARDS, lambda name: ScriptedModel(lambda _: "x"))
    assert list(alex.names(None)) == ["alex", f"alex/{ROOM}"]
    assert list(alex.names(HOST)) == ["alex", f"alex/{ROOM}", "alex/attic"]
    assert (list(personas.names(None)), list(personas.names(RAE))) == ([], ["vera"])
    server.hub.find(ROOM, HOST).standing.set("ban", "rae", None, clock())
    assert list(alex.names(RAE)) == ["alex"]
    await server.stop()


async def test_a_server_without_models_has_no_persona_to_ask() -> None:
    server = mortal.Server(clock, ViewPatch())
    await server.start()
    _, personas = models_of(server.hub, server.driver, lambda: CARDS)
    assert list(personas.names(RAE)) == []
    await server.stop()
