from __future__ import annotations

from cadence.alex.neighbourhood import Neighbourhood, members_only
from cadence.alex.reader import MediatedRoom, Reader
from cadence.lod.scopes import Floor
from cadence.rooms.wire import Member, ViewPatch
from tests.alex.talk import START, entry, mediator


def room(name: str) -> MediatedRoom:
    return MediatedRoom(name, "epoch", 0, ViewPatch())


def reader(of: MediatedRoom, user: str, *, guest: bool = True) -> Reader:
    made = of.readers[user] = Reader(of, user)
    made.member = Member(user, user, "human", "guest" if guest else "member")
    made.connections, made.mediator = 1, mediator()
    return made


def house(**scopes: str) -> tuple[Neighbourhood, dict[str, MediatedRoom]]:
    neighbourhood, rooms = Neighbourhood(members_only), {name: room(name) for name in scopes}
    for name, scope in scopes.items():
        neighbourhood.put(rooms[name], scope, True, Floor())
    return neighbourhood, rooms


def test_rooms_of_the_universe_hear_each_other_and_others_do_not() -> None:
    neighbourhood, rooms = house(lab="north", hut="north", yard="south", cell="")
    ada = reader(rooms["lab"], "ada")
    assert {name: place.steps for name, place in neighbourhood.places(ada).items()} == {"hut": 3.0, "yard": 4.0}
    assert neighbourhood.places(reader(rooms["cell"], "ada")) == {}


def test_a_guest_does_not_hear_what_they_may_not_read() -> None:
    neighbourhood, rooms = house(lab="north", hut="north")
    neighbourhood.put(rooms["hut"], "north", False, Floor())
    assert not neighbourhood.places(reader(rooms["lab"], "ada"))
    assert neighbourhood.places(reader(rooms["lab"], "host", guest=False))
    assert [one.user for one in neighbourhood.redacted(rooms["hut"], 3)] == ["host"]


def test_who_is_in_both_rooms_reads_each_where_it_is() -> None:
    neighbourhood, rooms = house(lab="north", hut="north")
    here, there = reader(rooms["lab"], "ada"), reader(rooms["hut"], "ada")
    assert neighbourhood.places(here) == {} == neighbourhood.places(there)
    assert neighbourhood.moved("hut", "ada") == [here]
    there.connections = 0
    assert list(neighbourhood.places(here)) == ["hut"]


def test_a_change_concerns_everybody_and_no_change_nobody() -> None:
    neighbourhood, rooms = house(lab="north", hut="")
    ada = reader(rooms["lab"], "ada")
    assert neighbourhood.put(rooms["lab"], "north", True, Floor()) == []
    assert neighbourhood.put(rooms["hut"], "north", True, Floor()) == [ada]
    assert neighbourhood.put(rooms["hut"], "north", False, Floor()) == [ada]
    assert rooms["hut"].in_universe and not rooms["hut"].public


def test_sleepers_are_woken_by_what_is_said_near_them_once_a_second() -> None:
    neighbourhood, rooms = house(lab="north", hut="north", cell="")
    ada = reader(rooms["lab"], "ada")
    assert neighbourhood.said(rooms["hut"], entry(1), START) == [ada]
    assert neighbourhood.said(rooms["hut"], entry(2), START + 0.9) == []
    assert neighbourhood.said(rooms["hut"], entry(3), START + 1.0) == [ada]
    ada.connections = 0
    assert neighbourhood.said(rooms["hut"], entry(4), START + 9.0) == []


def test_a_room_that_nobody_can_hear_keeps_nothing() -> None:
    neighbourhood, rooms = house(lab="north", cell="")
    for name in ("lab", "cell"):
        assert neighbourhood.said(rooms[name], entry(1), START) == []
        assert rooms[name].ambience.words == 0


def test_a_redaction_is_remembered_by_the_rooms_that_may_just_be_telling_of_it() -> None:
    neighbourhood, rooms = house(lab="north", hut="north")
    neighbourhood.redacted(rooms["hut"], 3)
    assert rooms["lab"].gone() == [("hut", 3)] and rooms["hut"].gone() == []
