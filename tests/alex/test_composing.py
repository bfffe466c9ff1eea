"""What a turn is made of. How it is told, and when, is in `test_mediator.py`."""

from __future__ import annotations

from cadence.alex.answers import Missed
from cadence.alex.composing import CATCH_UP_WORDS, Composer
from cadence.alex.contest import alone
from cadence.alex.memory import ReaderMemory
from cadence.alex.transcript import Transcript
from cadence.alex.waiting import Waiting
from cadence.lod.budget import Bucket
from cadence.rooms.wire import Focus, View
from tests.alex.talk import START, line, message


class Desk:
    """One reader's composer, and some talk that waits."""

    def __init__(self, messages: int, **view: object) -> None:
        self.transcript, self.waiting, self.memory = Transcript(), Waiting(), ReaderMemory()
        chosen = View(**view)  # type: ignore[arg-type]
        self.composer = Composer(
            "reader",
            chosen,
            0,
            transcript=self.transcript,
            memory=self.memory,
            waiting=self.waiting,
            bucket=Bucket(chosen.pace_wpm, chosen.cadence_s, START),
        )
        for seq in range(1, messages + 1):
            said = self.transcript.enter(message(seq, line(seq), "abc"[seq % 3], START + seq))
            self.transcript.learn(said)
            self.waiting.add(said, START + seq, urgent=False)
        self.now = START + messages


def test_everything_is_told_whole_and_waits_no_longer() -> None:
    desk = Desk(3)
    segments = desk.composer.everything(list(desk.waiting), desk.now)
    assert [segment.text for segment in segments] == [line(1), line(2), line(3)]
    assert not len(desk.waiting) and desk.memory.has_seen(2)


def test_a_digest_keeps_to_its_words_and_what_it_tells_waits_no_longer() -> None:
    desk = Desk(20)
    segments = alone(desk.composer.digest(list(desk.waiting), 26.0, 20, desk.now))
    told = {seq for segment in segments for seq in segment.sources}
    assert len(told) == 2 and {one.entry.seq for one in desk.waiting} == set(range(1, 21)) - told
    assert desk.composer.reasons.considered == 20


def test_a_look_back_is_bounded_and_leaves_the_clearing_to_others() -> None:
    desk = Desk(40)
    segments = desk.composer.look_back(Missed(), desk.now)
    assert 60 < sum(len(segment.text.split()) for segment in segments) <= CATCH_UP_WORDS
    assert Desk(0).composer.look_back(Missed(), desk.now) == []


def test_what_is_condensed_goes_on_waiting() -> None:
    desk = Desk(10)
    picks = desk.composer.condensed(list(desk.waiting), 26.0, desk.now)
    assert len(picks) == 2 and len(desk.waiting) == 10


def test_who_is_followed_or_was_addressed_is_near() -> None:
    desk = Desk(6, focus=Focus(follow=("a",)))
    desk.composer.near.approach(["b"], desk.now)
    assert desk.composer.nearby(desk.now) == {"a", "b"}
    weights = desk.composer.attend(desk.now, [one for message in desk.waiting for one in message.candidates])
    assert weights.argmax() == 5 and weights[4] < weights[3], "c said the fifth"
