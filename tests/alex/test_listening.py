from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET, UnsetType

from cadence.alex import ambience
from cadence.alex.ambience import Ambience
from cadence.alex.listening import PATIENCE_SECONDS, Listening, Place
from cadence.alex.memory import ReaderMemory
from cadence.alex.transcript import Entry
from cadence.alex.waiting import Waiting
from cadence.lod.digest import rank
from cadence.lod.scopes import Floor
from cadence.rooms.wire import Focus, Segment, View, to_iso
from cadence.rooms.wire import Turn as WireTurn
from tests.alex.talk import START, entry, line, message

RATE, LOOK = 2.777, 5.0


class Party:
    """Rooms that talk, and one reader who listens to them from a room of their own, or from a pod of it."""

    def __init__(self, view: View | None = None, floor: Floor | None = None, **steps: float) -> None:
        self.rooms = {room: Ambience(room) for room in steps}
        self.memory, self.waiting = ReaderMemory(), Waiting()
        self.listening = Listening(self.memory, self.waiting, view or View(), START)
        self.now = START
        self.seq = 0
        places = {room: Place(self.rooms[room], steps[room]) for room in steps}
        self.listening.place(places, floor or Floor(), self.now)

    def say(self, *pods: str) -> None:
        """A message of thirteen words in the reader's own room, in each of `pods` ("": in none)."""
        for pod in pods:
            self.seq += 1
            said = entry(self.seq, line(self.seq), "abc"[self.seq % 3], pod=pod or UNSET)
            self.waiting.add(said, self.now, urgent=False)

    def talk(self, seconds: float, *rooms: str, own: tuple[str, ...] = ()) -> None:
        """One message of thirteen words a second in each of `rooms`, and in pods of the reader's own."""
        for _ in range(int(seconds)):
            for room in rooms:
                self.seq += 1
                self.rooms[room].add(entry(self.seq, line(self.seq), "abc"[self.seq % 3]), self.now)
            self.say(*own)
            self.now += 1.0

    def look(self, budget: float = 40.0) -> list[Segment]:
        self.listening.look(RATE, self.now)
        heard = self.listening.overhear(budget, self.now)
        self.waiting.drop_older(self.now - 60.0)
        return heard

    def listen(self, looks: int, *rooms: str, own: tuple[str, ...] = ("",)) -> list[Segment]:
        heard: list[Segment] = []
        for _ in range(looks):
            self.talk(LOOK, *rooms, own=own)
            heard += self.look()
        return heard


def at(sigma: float) -> View:
    return View(sigma=sigma)


def words_of(segments: list[Segment], room: str | UnsetType) -> int:
    return sum(len(segment.text.split()) for segment in segments if segment.room == room)


def test_a_neighbour_is_heard_now_and_then_and_a_far_room_more_seldom() -> None:
    party = Party(at(1.5), near=3.0, far=4.0)
    heard = party.listen(300, "near", "far")
    near, far = words_of(heard, "near"), words_of(heard, "far")
    # exp(-(9-1)/4.5) = .169 and exp(-(16-1)/4.5) = .036 of 13.9 words a look, divided by 1.205.
    assert near == pytest.approx(300 * 13.885 * 0.169 / 1.205, abs=26)
    assert far == pytest.approx(300 * 13.885 * 0.0357 / 1.205, abs=26)
    assert {segment.kind for segment in heard} == {"ambient"}


def test_no_room_in_hearing_is_never_heard() -> None:
    party = Party(at(1.5), near=3.0, far=5.0)
    assert words_of(party.listen(400, "far"), "far") > 0


def test_a_quiet_room_stays_quiet() -> None:
    """Nobody speaks in the reader's own room; next door does not take its place, however loud it is."""
    loud = words_of(Party(near=3.0).listen(200, "near"), "near")
    quiet = words_of(Party(near=3.0).listen(200, "near", own=()), "near")
    assert quiet == pytest.approx(loud, abs=26)
    assert quiet < 0.03 * 200 * RATE * LOOK


def test_what_is_told_names_its_room_its_speaker_and_its_source() -> None:
    party = Party(at(2.0), near=3.0)
    segment = party.listen(60, "near")[0]
    assert segment.room == "near" and 0 < segment.weight < 1
    (seq,) = segment.sources
    assert segment.text == line(seq) and segment.speakers == ("abc"[seq % 3],)


def test_nothing_is_told_twice() -> None:
    party = Party(at(2.0), near=1.5)
    heard = party.listen(100, "near")
    sources = [seq for segment in heard for seq in segment.sources]
    assert len(sources) == len(set(sources)) > 25


def test_what_the_reader_knows_is_not_told_in_other_words() -> None:
    party = Party(at(10.0), near=1.5)
    for seq in range(1, 6):
        party.memory.units.add([seq], entry(seq, line(seq)).parsed.units[0].terms)
    party.talk(5, "near")
    assert party.listen(1) == []
    party.memory.units.clear()
    assert party.look()


def test_credit_waits_until_something_is_said_and_the_bucket_covers_it() -> None:
    party = Party(near=1.0)
    party.talk(10, "near")
    party.listening.look(RATE, party.now)
    assert party.listening.overhear(5.0, party.now) == []
    assert party.listening.awake(party.now)
    assert len(party.listening.overhear(40.0, party.now, once=True)) == 1


def test_a_line_too_long_for_the_bucket_comes_alone_after_a_while() -> None:
    party = Party(near=1.0)
    heard = False
    while not heard:
        party.talk(LOOK, "near")
        party.listening.look(RATE, party.now)
        heard = bool(party.listening.overhear(7.0, party.now, alone=True))
    assert party.now == START + LOOK + PATIENCE_SECONDS  # due at the first look
    assert party.listening.overhear(7.0, party.now, alone=True) == []


def test_what_was_said_before_one_came_into_hearing_earns_nothing() -> None:
    room = Ambience("near")
    for seq in range(1, 90):
        room.add(entry(seq, line(seq)), START)
    listening = Listening(ReaderMemory(), Waiting(), View(), START)
    listening.place({"near": Place(room, 1.0)}, Floor(), START + 5)
    listening.look(RATE, START + 10)
    assert listening.overhear(40.0, START + 10) == [] and not listening.awake(START + 10)


def test_out_of_hearing_is_out_of_mind() -> None:
    party = Party(near=1.0)
    party.talk(5, "near")
    party.listening.look(RATE, party.now)
    party.listening.place({}, Floor(), party.now)
    assert not party.listening.hears
    assert party.look() == []


def test_nobody_listens_while_nothing_is_in_hearing() -> None:
    listening = Listening(ReaderMemory(), Waiting(), View(), START)
    listening.look(RATE, START)
    assert not listening.hears and not listening.awake(START) and listening.overhear(40.0, START) == []


def test_the_memory_of_what_was_overheard_survives_in_the_turns_and_not_a_redaction() -> None:
    party = Party(at(3.0), near=3.0)
    heard = party.listen(60, "near")
    turn = WireTurn(
        room="mine",
        turn=1,
        at=to_iso(START),
        mode="paraphrase",
        covers=None,
        words=0,
        segments=tuple(heard),
        by="embedded",
    )
    memory = ReaderMemory()
    memory.recall([turn])
    seq = heard[0].sources[0]
    units = entry(seq, line(seq)).parsed.units
    assert memory.knows("near", units) == [True] and not memory.has_seen(seq)
    assert memory.knows("other", units) == [True]  # in the same words
    memory.forget("near", seq)
    assert memory.knows("other", units) == [False]


TABLES = Floor(("hearth", "door", "stairs"))


def test_the_other_pods_of_the_room_are_heard_line_by_line() -> None:
    party = Party(View(focus=Focus(pod="door"), sigma=1.5), TABLES)
    heard = party.listen(200, own=("door", "hearth", ""))
    assert {(segment.kind, segment.room) for segment in heard} == {("ambient", UNSET)}
    assert all(seq % 3 == 2 for seq in [seq for segment in heard for seq in segment.sources])  # those of the hearth
    # exp(-(4-1)/4.5) = .513 of what door and all together say: .513 / (.513 + 2) of the words
    assert words_of(heard, UNSET) == pytest.approx(200 * 13.885 * 0.513 / 2.513, rel=0.05)


def test_what_is_for_the_reader_is_what_is_said_at_their_pod_to_all_or_to_them() -> None:
    party = Party(View(focus=Focus(pod="door")), TABLES)
    party.say("door", "hearth", "")
    party.waiting.add(entry(4, "Reader, come here.", pod="hearth"), party.now, urgent=True)
    assert [message.entry.seq for message in party.listening.own(list(party.waiting))] == [1, 3, 4]


def test_who_is_nowhere_in_particular_hears_the_whole_room() -> None:
    party = Party(View(), TABLES)
    party.say("door", "hearth", "")
    assert not party.listening.hears and len(party.listening.own(list(party.waiting))) == 3


def test_on_a_floor_the_nearest_table_is_ones_own() -> None:
    floor = Floor(("hearth", "door"), {"hearth": (0.0, 0.0), "door": (6.0, 0.0)})
    party = Party(View(focus=Focus(x=5.0, y=0.0)), floor)
    party.say("door", "hearth")
    assert [message.entry.seq for message in party.listening.own(list(party.waiting))] == [1]
    party.listening.attend(View(focus=Focus(x=1.0, y=0.0)), party.now)
    assert [message.entry.seq for message in party.listening.own(list(party.waiting))] == [2]


def test_what_was_told_of_another_pod_waits_no_longer() -> None:
    party = Party(View(focus=Focus(pod="door"), sigma=10.0), TABLES)
    party.talk(LOOK, own=("hearth",))
    before = len(list(party.waiting))
    heard = party.look()
    assert heard and len(list(party.waiting)) == before - len(heard)
    assert party.memory.has_seen(heard[0].sources[0])


def test_what_is_objected_to_from_the_readers_own_pod_is_told_there() -> None:
    party = Party(View(focus=Focus(pod="door"), sigma=10.0), TABLES)
    claim = message(1, line(1), pod="hearth")
    party.waiting.add(Entry(claim, None), party.now, urgent=False)
    objection = Entry(message(2, "I disagree: it never moved at all.", "otto", reply_to=1, pod="door"), claim)
    party.waiting.add(objection, party.now, urgent=False)
    party.now += LOOK
    assert party.look() == []


def test_an_objection_from_another_pod_comes_with_what_it_objects_to() -> None:
    party = Party(View(focus=Focus(pod="door")), TABLES)
    claim = message(1, line(1), pod="door")
    party.waiting.add(Entry(claim, None), party.now, urgent=False)
    for seq, about in ((2, 1), (3, 99)):
        answered = message(about, line(about), pod="door")
        objection = Entry(message(seq, "I disagree: it never moved.", "otto", reply_to=about, pod="hearth"), answered)
        party.waiting.add(objection, party.now, urgent=False)
    assert [one.entry.seq for one in party.listening.own(list(party.waiting))] == [1, 2]
    party.memory.saw(99)
    assert [one.entry.seq for one in party.listening.own(list(party.waiting))] == [1, 2, 3]


@pytest.mark.parametrize("readers", [1, 30])
def test_a_room_is_ranked_once_for_all_who_listen(readers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 18: the work grows with rooms, not with readers."""
    ranks: list[int] = []

    def counted(units: Any, *args: Any) -> Any:
        ranks.append(len(units))
        return rank(units, *args)

    monkeypatch.setattr(ambience, "rank", counted)
    party = Party(at(2.0), near=3.0)
    others = [Listening(ReaderMemory(), Waiting(), at(2.0), START) for _ in range(readers - 1)]
    for other in others:
        other.place({"near": Place(party.rooms["near"], 3.0)}, Floor(), START)
    for _ in range(20):
        party.talk(LOOK, "near")
        party.look()
        for other in others:
            other.look(RATE, party.now)
            other.overhear(40.0, party.now)
    assert 0 < len(ranks) <= 20
