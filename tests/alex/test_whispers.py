from __future__ import annotations

from typing import Any

import pytest

from cadence.alex.ambience import Ambience
from cadence.alex.memory import ReaderMemory
from cadence.alex.whispers import Whispers
from cadence.rooms.wire import Segment, Turn, View, to_iso
from tests.alex.talk import START, entry, line

LEASE = "The lease of the second node runs out before the backup is done."
BUDGET = 40.0


class Ear:
    """One reader and a room far away, called The attic."""

    def __init__(self, **view: Any) -> None:
        self.view = View(**view)
        self.memory = ReaderMemory()
        self.whispers = Whispers(self.memory, START)
        self.attic = Ambience("attic")
        self.attic.title = "The attic"
        self.now = START
        self.seq = 0

    def far(self, text: str = LEASE, speaker: str = "hob") -> int:
        self.seq += 1
        self.attic.add(entry(self.seq, text, speaker, self.now), self.now)
        return self.seq

    def look(self, after: float = 5.0, budget: float = BUDGET) -> Segment | None:
        self.now += after
        self.whispers.listen([self.attic], self.view, self.now)
        return self.whispers.told({"attic": self.attic.title}, self.view, budget, self.now)


def test_what_touches_an_interest_is_told_in_a_sentence_with_its_speaker_and_source() -> None:
    ear = Ear(interests=("backups",))
    seq = ear.far()
    said = ear.look()
    assert said is not None
    assert said.text == "In The attic, Hob spoke of backup."
    assert (said.kind, said.room, said.speakers, said.sources) == ("whisper", "attic", ("hob",), (seq,))


def test_what_does_not_touch_the_reader_is_not_told() -> None:
    ear = Ear(interests=("gardening in winter",))
    ear.far()
    ear.far("A garden is mentioned here, once.")  # one word of two
    assert ear.look() is None
    assert Ear().look() is None


def test_whoever_touches_the_reader_three_times_is_introduced() -> None:
    ear = Ear(interests=("the lease", "backups"))
    for _ in range(3):
        ear.far()
    ear.far("The lease again, and nothing else of note.", "bao")
    said = ear.look()
    assert said is not None
    assert said.text == "You may want to read Hob in The attic, who has been on lease."
    assert said.speakers == ("hob",) and said.sources == (1, 2, 3)


def test_what_the_reader_wrote_and_opened_is_an_interest_once_it_recurs() -> None:
    ear = Ear(whisper="heavy")
    ear.far()
    assert ear.look() is None
    ear.whispers.wrote(entry(1, "Who renews the lease of that node?", "reader"), ear.now)
    ear.far()
    assert ear.look() is None
    ear.whispers.wrote(entry(2, "A node without a lease is no node.", "reader"), ear.now)
    ear.far()
    said = ear.look()
    # What was said before it became an interest counts, as long as it is recent.
    assert said is not None and said.sources == (1, 2, 3)
    assert said.text == "You may want to read Hob in The attic, who has been on lease and node."


def test_opening_counts_half_as_much_as_writing() -> None:
    ear = Ear(whisper="heavy")
    for seq in range(1, 4):
        ear.whispers.opened([entry(seq, f"The lease of node {seq} is out.")], ear.now)
    ear.far()
    assert ear.look() is None
    ear.whispers.opened([entry(4, "The lease of node 4 is out.")], ear.now)
    ear.far()
    assert ear.look() is not None


@pytest.mark.parametrize(("whisper", "seconds"), [("light", 600.0), ("heavy", 120.0)])
def test_whispers_are_rare(whisper: str, seconds: float) -> None:
    ear = Ear(interests=("lease",), whisper=whisper)
    told = []
    while ear.now < START + 3_000:
        ear.far(f"The lease {line(ear.seq)}")
        if ear.look() is not None:
            told.append(ear.now)
    gaps = {after - before for before, after in zip(told, told[1:], strict=False)}
    assert gaps == {seconds}


def test_off_is_off() -> None:
    ear = Ear(interests=("lease",), whisper="off")
    for _ in range(1_000):
        ear.far()
        ear.whispers.said([entry(ear.seq, "The lease of the node is out.")])
        assert ear.look() is None


def test_a_whisper_waits_until_the_bucket_covers_it_and_never_for_ever() -> None:
    ear = Ear(interests=("lease",))
    ear.far()
    assert ear.look(budget=5.0) is None
    assert ear.look() is not None
    other = Ear(interests=("lease",))
    other.far()
    assert other.look(budget=0.0) is None
    assert other.look(after=601.0) is None


def test_nothing_is_told_twice_nor_what_was_overheard() -> None:
    ear = Ear(interests=("lease",), whisper="heavy")
    ear.memory.whispered("attic", [ear.far()], START - 1_000)
    assert ear.look() is None
    ear.far()
    assert ear.look() is not None
    assert ear.look(after=500.0) is None


def test_what_is_redacted_is_not_told_and_teaches_nothing() -> None:
    ear = Ear(interests=("lease",))
    seq = ear.far()
    ear.whispers.listen([ear.attic], ear.view, ear.now)
    ear.whispers.forget("attic", seq)
    assert ear.look() is None
    other = Ear(whisper="heavy")
    for own in (1, 2):
        other.whispers.wrote(entry(own, "The lease of the node is out.", "reader"), other.now)
    other.whispers.forget(None, 2)
    other.far()
    assert other.look() is None


def quiet(ear: Ear, seconds: int) -> list[Segment]:
    """The reader's own room talks on, a message every ten seconds."""
    told = []
    for _ in range(seconds // 10):
        ear.seq += 1
        ear.whispers.said([entry(ear.seq, "The lease of the node is out.", "ab"[ear.seq % 2], ear.now)])
        if (said := ear.look(after=10.0)) is not None:
            told.append(said)
    return told


def test_who_is_quiet_for_long_is_told_gently_and_once_an_hour() -> None:
    ear = Ear()
    assert quiet(ear, 1_780) == []
    (first,) = quiet(ear, 3_600)
    assert first.text == "No hurry: B and A are still on lease and node, and it all keeps."
    assert (first.kind, set(first.speakers), len(first.sources)) == ("whisper", {"a", "b"}, 2)
    assert not isinstance(first.room, str)
    assert len(quiet(ear, 7_200)) == 2


def test_who_does_something_is_not_quiet() -> None:
    ear = Ear()
    for _ in range(6):
        assert quiet(ear, 1_500) == []
        ear.whispers.acted(ear.now)


def test_in_a_silent_room_the_quiet_are_left_alone() -> None:
    ear = Ear()
    assert ear.look(after=10_000.0) is None


@pytest.mark.parametrize("mode", ["raw", "paced"])
def test_only_those_who_leave_the_choice_to_alex_are_whispered_to(mode: str) -> None:
    ear = Ear(interests=("lease",), mode=mode)
    ear.far()
    assert ear.look() is None


def test_after_a_restart_the_pauses_go_on() -> None:
    segment = Segment("whisper", ("hob",), "In The attic, Hob spoke of backup.", (1,), 1.0, room="attic")
    turn = Turn(
        room="lab",
        turn=1,
        at=to_iso(START),
        mode="paraphrase",
        covers=None,
        words=7,
        segments=(segment,),
        by="embedded",
    )
    ear = Ear(interests=("lease",))
    ear.memory.recall([turn])
    assert ear.memory.was_told("attic", 1) and not ear.memory.has_seen(1)
    ear.seq = 1
    ear.far()
    assert ear.look(after=300.0) is None
    assert ear.look(after=300.0) is not None
