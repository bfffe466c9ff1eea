"""A mediator with other rooms in hearing: what it adds to the turns of its own room, and what it must not touch."""

from __future__ import annotations

from typing import Any

import pytest

from cadence.alex.ambience import Ambience
from cadence.alex.events import Placed, Redacted, Stirred, Viewed
from cadence.alex.listening import Place
from cadence.rooms.wire import Segment, View, from_iso
from tests.alex.talk import START, Room, entry, line, mediator


class Corner(Room):
    """A room with one reader, and next door that talks beside it."""

    def __init__(self, steps: float = 3.0, **view: Any) -> None:
        super().__init__(mediator(**view))
        self.near = Ambience("near")
        self.near_seq = 0
        self.do(Placed({"near": Place(self.near, steps)}))

    def next_door(self, number: int = 1) -> None:
        for _ in range(number):
            self.near_seq += 1
            self.near.add(entry(self.near_seq, line(1_000 + self.near_seq), "xyz"[self.near_seq % 3]), self.now)
        self.do(Stirred())

    def go_on(self, seconds: int, *, own: int = 0, near: int = 0) -> None:
        """So many messages a second."""
        for _ in range(seconds):
            for _ in range(own):
                self.say(line(self.seq), "abc"[self.seq % 3])
            if near:
                self.next_door(near)
            self.wait(1.0)

    def segments(self, kind: str) -> list[Segment]:
        return [segment for turn in self.turns for segment in turn.segments if segment.kind == kind]


def test_a_busy_room_hears_a_line_of_next_door_now_and_then() -> None:
    corner = Corner(sigma=2.0)
    corner.go_on(200, own=3, near=3)
    ambient, quotes = corner.segments("ambient"), corner.segments("quote")
    assert 5 < len(ambient) < len(quotes) / 2
    assert all(segment.room == "near" for segment in ambient)
    assert not any(isinstance(segment.room, str) for segment in quotes)


def test_at_a_narrow_sigma_next_door_is_all_but_silent() -> None:
    wide, narrow = Corner(sigma=2.0), Corner(sigma=1.0)
    for corner in (wide, narrow):
        corner.go_on(200, own=2, near=2)
    assert 0 < len(narrow.segments("ambient")) < len(wide.segments("ambient")) / 3


def test_covers_go_on_as_if_next_door_did_not_exist() -> None:
    """Law 1, and protocol rule 4 for turns of which nothing is new in the room itself."""
    corner = Corner(sigma=2.0)
    corner.go_on(60, own=2, near=3)
    corner.go_on(120, near=3)
    corner.go_on(30, own=1, near=3)
    corner.wait(90)
    reached = 0
    for turn in corner.turns:
        assert turn.covers is not None and turn.covers.from_ == reached + 1 and turn.covers.to >= reached
        reached = turn.covers.to
    assert reached == corner.seq
    alone = [turn for turn in corner.turns if {segment.kind for segment in turn.segments} == {"ambient"}]
    assert any(turn.covers and turn.covers.to == turn.covers.from_ - 1 and not turn.covers.messages for turn in alone)


def test_what_fits_is_shown_whole_with_next_door_as_without() -> None:
    """Law 3: the identity of the reader's own room comes first, next door gets what is left."""
    texts = []
    for near in (0, 4):
        corner = Corner(sigma=4.0)
        for _ in range(12):
            corner.say(line(corner.seq))
            corner.go_on(10, near=near)
        texts.append([segment.text for segment in corner.segments("verbatim")])
        assert bool(corner.segments("ambient")) == bool(near)
    assert texts[0] == texts[1] and len(texts[0]) == 12


@pytest.mark.parametrize(
    "view", [{}, {"sigma": 4.0}, {"pace_wpm": 60.0, "cadence_s": 1.0, "sigma": 4.0}, {"cadence_s": 30.0}]
)
def test_the_pace_is_kept_with_everybody_talking(view: dict[str, Any]) -> None:
    """Law 2 in every window."""
    corner = Corner(**view)
    corner.go_on(150, own=2, near=3)
    chosen = View(**view)
    rate = chosen.pace_wpm / 60 * 0.7
    burst = max(2 * rate * chosen.cadence_s, 40.0) + 80
    times = [(turn.words, from_iso(turn.at)) for turn in corner.turns]
    for first in range(len(times)):
        shown = 0
        for words, at in times[first:]:
            shown += words
            assert shown <= rate * (at - times[first][1]) + burst + 0.1
    assert corner.segments("ambient")


def test_what_concerns_the_reader_goes_before_what_is_overheard() -> None:
    corner = Corner(sigma=4.0)
    corner.go_on(60, own=3, near=3)
    corner.say(
        "Reader, which of the two plans would you rather sign, the first one or the second?", mentions=("reader",)
    )
    corner.wait(5.1)
    assert (corner.seq,) in [segment.sources for segment in corner.turns[-1].segments]
    assert all(segment.kind != "ambient" for segment in corner.turns[-1].segments)


@pytest.mark.parametrize("mode", ["raw", "paced"])
def test_only_those_who_leave_the_choice_to_alex_overhear(mode: Any) -> None:
    corner = Corner(mode=mode, sigma=4.0)
    corner.go_on(120, near=3)
    assert corner.turns == [] and corner.mediator.asleep


def test_who_comes_from_raw_hears_again() -> None:
    corner = Corner(mode="raw", sigma=4.0)
    corner.go_on(20, near=3)
    corner.do(Viewed(View(sigma=4.0)))
    corner.go_on(60, near=3)
    assert corner.segments("ambient")


def test_when_all_is_quiet_alex_sleeps() -> None:
    corner = Corner(sigma=4.0)
    corner.go_on(20, near=3)
    assert not corner.mediator.asleep
    corner.wait(120)
    assert corner.mediator.asleep and corner.mediator.deadline() is None


def test_a_room_with_nothing_near_is_never_woken() -> None:
    room = Room(mediator())
    room.do(Placed({}))
    room.do(Stirred())
    assert room.mediator.deadline() is None


def test_what_was_redacted_next_door_is_not_told_and_the_same_number_here_is() -> None:
    corner = Corner(sigma=4.0)
    for _ in range(60):
        corner.next_door(3)
        for seq in range(corner.near_seq - 2, corner.near_seq + 1):
            corner.near.redact(seq)
            corner.do(Redacted(seq, "near"))
        corner.say(line(corner.seq), "abc"[corner.seq % 3])
        corner.wait(1.0)
    assert not corner.segments("ambient")
    assert len(corner.segments("quote")) + len(corner.segments("verbatim")) > 10


def test_who_listens_is_shown_of_their_own_room_what_others_are_but_for_the_words_it_takes() -> None:
    corner = Corner(sigma=2.0)
    corner.go_on(300, own=3, near=3)
    words = {kind: sum(len(segment.text.split()) for segment in corner.segments(kind)) for kind in ("quote", "ambient")}
    share = words["ambient"] / sum(words.values())
    assert 0.15 < share < 0.35  # exp(-8/8) of two, as both talk alike: .27
    assert sum(turn.words for turn in corner.turns) > 0.9 * 300 * 238 / 60 * 0.7


def test_what_was_said_before_the_reader_came_is_no_news() -> None:
    near = Ambience("near")
    for seq in range(1, 50):
        near.add(entry(seq, line(seq)), START)
    room = Room(mediator(sigma=4.0))
    room.do(Placed({"near": Place(near, 3.0)}))
    room.do(Stirred())
    assert room.wait(60) == []
