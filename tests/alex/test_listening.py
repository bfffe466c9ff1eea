from __future__ import annotations

import pytest

from cadence.alex.ambience import Ambience
from cadence.alex.listening import PATIENCE_SECONDS, Listening, Place
from cadence.alex.memory import ReaderMemory
from cadence.rooms.wire import Segment, to_iso
from cadence.rooms.wire import Turn as WireTurn
from tests.alex.talk import START, entry, line

RATE, LOOK = 2.777, 5.0


class Party:
    """Rooms that talk, and one reader who listens to them from a room of their own."""

    def __init__(self, **steps: float) -> None:
        self.rooms = {room: Ambience(room) for room in steps}
        self.memory = ReaderMemory()
        self.listening = Listening(self.memory)
        self.now = START
        self.seq = 0
        self.listening.place({room: Place(self.rooms[room], steps[room]) for room in steps}, self.now)
        self.listening.earn(RATE, 0, 1.0, self.now)

    def talk(self, seconds: float, *rooms: str) -> None:
        """One message of thirteen words a second in each of `rooms`."""
        for _ in range(int(seconds)):
            for room in rooms:
                self.seq += 1
                self.rooms[room].add(entry(self.seq, line(self.seq), "abc"[self.seq % 3]), self.now)
            self.now += 1.0

    def look(self, own_words: int = 65, sigma: float = 1.0, budget: float = 40.0) -> list[Segment]:
        self.listening.earn(RATE, own_words, sigma, self.now)
        return self.listening.overhear(budget, self.now)

    def listen(self, looks: int, *rooms: str, own_words: int = 65, sigma: float = 1.0) -> list[Segment]:
        heard: list[Segment] = []
        for _ in range(looks):
            self.talk(LOOK, *rooms)
            heard += self.look(own_words, sigma)
        return heard


def words_of(segments: list[Segment], room: str) -> int:
    return sum(len(segment.text.split()) for segment in segments if segment.room == room)


def test_a_neighbour_is_heard_now_and_then_and_a_far_room_more_seldom() -> None:
    party = Party(near=3.0, far=4.0)
    heard = party.listen(600, "near", "far", sigma=1.5)
    near, far = words_of(heard, "near"), words_of(heard, "far")
    # exp(-(9-1)/4.5) = .169 and exp(-(16-1)/4.5) = .036 of 13.9 words a look, divided by 1.205.
    assert near == pytest.approx(600 * 13.885 * 0.169 / 1.205, rel=0.03)
    assert far == pytest.approx(600 * 13.885 * 0.0357 / 1.205, rel=0.06)
    assert {segment.kind for segment in heard} == {"ambient"}


def test_no_room_in_hearing_is_never_heard() -> None:
    party = Party(near=3.0, far=5.0)
    assert words_of(party.listen(400, "far", sigma=1.5), "far") > 0


def test_a_quiet_room_stays_quiet() -> None:
    """Nobody speaks in the reader's own room; next door does not take its place."""
    loud = words_of(Party(near=3.0).listen(200, "near", own_words=65), "near")
    quiet = words_of(Party(near=3.0).listen(200, "near", own_words=0), "near")
    assert loud < quiet < 6 * loud
    assert quiet < 0.1 * 200 * RATE * LOOK


def test_what_is_told_names_its_room_its_speaker_and_its_source() -> None:
    party = Party(near=3.0)
    segment = party.listen(60, "near", sigma=2.0)[0]
    assert segment.room == "near" and 0 < segment.weight < 1
    (seq,) = segment.sources
    assert segment.text == line(seq) and segment.speakers == ("abc"[seq % 3],)


def test_nothing_is_told_twice() -> None:
    party = Party(near=1.5)
    heard = party.listen(200, "near", sigma=2.0)
    sources = [seq for segment in heard for seq in segment.sources]
    assert len(sources) == len(set(sources)) > 50


def test_what_the_reader_knows_is_not_told_in_other_words() -> None:
    party = Party(near=1.5)
    for seq in range(1, 6):
        party.memory.units.add([seq], entry(seq, line(seq)).parsed.units[0].terms)
    party.talk(5, "near")
    assert party.listen(1, sigma=10.0) == []
    party.memory.units.clear()
    assert party.look(sigma=10.0)


def test_credit_waits_until_something_is_said_and_the_bucket_covers_it() -> None:
    party = Party(near=1.0)
    party.talk(10, "near")
    party.listening.earn(RATE, 0, 1.0, party.now)
    assert party.listening.overhear(5.0, party.now) == []
    assert party.listening.awake(party.now)
    assert len(party.listening.overhear(40.0, party.now, once=True)) == 1


def test_a_line_too_long_for_the_bucket_comes_alone_after_a_while() -> None:
    party = Party(near=1.0)
    heard = False
    while not heard:
        party.talk(LOOK, "near")
        party.listening.earn(RATE, 0, 1.0, party.now)
        heard = bool(party.listening.overhear(7.0, party.now, alone=True))
    assert party.now == START + LOOK + PATIENCE_SECONDS  # due at the first look
    assert party.listening.overhear(7.0, party.now, alone=True) == []


def test_what_was_said_before_one_came_into_hearing_earns_nothing() -> None:
    room = Ambience("near")
    for seq in range(1, 90):
        room.add(entry(seq, line(seq)), START)
    listening = Listening(ReaderMemory())
    listening.place({"near": Place(room, 1.0)}, START + 5)
    listening.earn(RATE, 0, 1.0, START + 10)
    assert listening.overhear(40.0, START + 10) == [] and not listening.awake(START + 10)


def test_out_of_hearing_is_out_of_mind() -> None:
    party = Party(near=1.0)
    party.talk(5, "near")
    party.listening.earn(RATE, 0, 1.0, party.now)
    party.listening.place({}, party.now)
    assert not party.listening.hears
    assert party.look() == []


def test_nobody_listens_while_nothing_is_in_hearing() -> None:
    listening = Listening(ReaderMemory())
    listening.earn(RATE, 10, 1.0, START)
    assert not listening.hears and not listening.awake(START) and listening.overhear(40.0, START) == []


def test_the_memory_of_what_was_overheard_survives_in_the_turns_and_not_a_redaction() -> None:
    party = Party(near=3.0)
    heard = party.listen(60, "near", sigma=3.0)
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
    assert memory.knows("near", units) and not memory.has_seen(seq)
    assert memory.knows("other", units)  # in the same words
    memory.forget("near", seq)
    assert not memory.knows("other", units)
