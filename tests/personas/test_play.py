from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadence.personas import play as module
from cadence.personas.play import (
    ACK_SECONDS_MAX,
    ANNOUNCEMENT,
    FAILURES_MAX,
    Action,
    Audience,
    Connected,
    Event,
    Finished,
    Heard,
    Lost,
    Play,
    Refused,
    Restarted,
    Said,
    Skipped,
    Speak,
    Tick,
)
from cadence.personas.script import Line
from cadence.rooms.wire import Part

SCRIPT = (
    Line(1, "ada", "one"),
    Line(2, "bo", "two", reply_to=1),
    Line(4, "ada", "three", after_s=10, parts=(Part("data", "x"),), spoken=True),
)


class Theatre:
    """A play and its clock; `acts` are all actions so far."""

    def __init__(self, script: Iterable[Line] = SCRIPT, *, speed: float = 1.0, once: bool = False) -> None:
        self.play = Play(tuple(script), "run", speed=speed, once=once)
        self.now = 100.0
        self.acts: list[Action] = []
        self.seq = 0

    def feed(self, event: Event) -> list[Action]:
        actions = self.play.handle(event, self.now)
        self.acts += actions
        return actions

    def open(self, head: int = 0) -> Theatre:
        for speaker in ("ada", "bo"):
            self.feed(Connected(speaker, head))
        self.feed(Audience("ada", True))
        return self

    def wait(self) -> list[Action]:
        """Go to the deadline; there must be one, and it must not lie in the past."""
        deadline = self.play.deadline()
        assert deadline is not None and deadline >= self.now
        self.now = deadline
        actions = self.feed(Tick())
        after = self.play.deadline()
        assert after is None or after > self.now, "a deadline that has come must not come again"
        return actions

    def speak(self) -> Speak:
        (action,) = self.wait()
        assert isinstance(action, Speak)
        return action

    def ack(self, speak: Speak) -> list[Action]:
        self.seq += 1
        return self.feed(Said(speak.id, self.seq))

    def perform(self, count: int) -> list[tuple[float, str]]:
        """The next cues, each acknowledged at once: when and what."""
        told = []
        for _ in range(count):
            speak = self.speak()
            told.append((self.now - 100.0, speak.text))
            self.ack(speak)
        return told


def test_nothing_is_said_before_a_human_is_there() -> None:
    theatre = Theatre()
    for speaker in ("ada", "bo"):
        assert theatre.feed(Connected(speaker, 0)) == []
    assert theatre.play.deadline() is None
    theatre.feed(Audience("bo", True))
    assert theatre.play.deadline() == 101.5


def test_nothing_is_said_before_the_whole_cast_is_there() -> None:
    theatre = Theatre()
    theatre.feed(Connected("ada", 0))
    theatre.feed(Audience("ada", True))
    assert theatre.play.deadline() is None


def test_forty_lines_a_minute_unless_a_line_says_otherwise() -> None:
    assert Theatre().open().perform(3) == [(1.5, "one"), (3.0, "two"), (13.0, "three")]


@pytest.mark.parametrize(("speed", "times"), [(0.01, [150.0, 300.0, 1300.0]), (100.0, [0.015, 0.03, 0.13])])
def test_speed_divides_every_gap(speed: float, times: list[float]) -> None:
    told = Theatre(speed=speed).open().perform(3)
    assert [time for time, _ in told] == pytest.approx(times)


def test_a_line_is_said_as_it_is_written_and_replies_to_what_became_of_the_line() -> None:
    theatre = Theatre().open()
    theatre.seq = 40
    theatre.perform(1)
    second = theatre.speak()
    assert second == Speak("bo", "run-0-2", "two", reply_to=41, line=2)
    theatre.ack(second)
    assert theatre.speak() == Speak("ada", "run-0-4", "three", (Part("data", "x"),), None, True, 4)


def test_the_next_line_waits_for_the_last_to_be_durable_and_is_not_late_for_it() -> None:
    theatre = Theatre().open()
    first = theatre.speak()
    theatre.now += 20.0
    assert theatre.feed(Tick()) == []
    actions = theatre.ack(first)
    assert [type(action) for action in actions] == [Heard, Speak]


def test_a_slow_acknowledgement_does_not_slow_the_conversation() -> None:
    theatre = Theatre().open()
    first = theatre.speak()
    theatre.now += 0.4
    theatre.ack(first)
    assert theatre.play.deadline() == 103.0


def test_the_conversation_pauses_when_the_last_human_leaves_and_goes_on_where_it_was() -> None:
    theatre = Theatre().open()
    theatre.feed(Audience("bo", True))
    theatre.perform(2)
    theatre.now += 4.0
    theatre.feed(Audience("ada", False))
    assert theatre.play.deadline() is not None, "one of them still sees a human"
    theatre.feed(Audience("bo", False))
    assert theatre.play.deadline() is None
    theatre.now += 1000.0
    assert theatre.feed(Tick()) == []
    theatre.feed(Audience("bo", True))
    assert theatre.play.deadline() == theatre.now + 6.0


def test_what_was_said_before_a_pause_is_still_heard() -> None:
    theatre = Theatre().open()
    first = theatre.speak()
    theatre.feed(Audience("ada", False))
    assert theatre.ack(first) == [Heard(1, 1)]
    assert theatre.play.deadline() is None
    theatre.feed(Audience("ada", True))
    assert theatre.play.deadline() == theatre.now + 1.5


def test_a_connection_that_is_gone_sees_nobody() -> None:
    theatre = Theatre().open()
    theatre.feed(Lost("ada"))
    theatre.feed(Audience("ada", True))
    assert theatre.play.deadline() is None


@pytest.mark.parametrize(("speed", "rest"), [(1.0, 60.0), (10.0, 6.0), (100.0, 5.0)])
def test_at_the_end_it_rests_says_so_and_starts_again_without_memory(speed: float, rest: float) -> None:
    theatre = Theatre(speed=speed).open()
    theatre.perform(3)
    before = theatre.now
    announcement = theatre.speak()
    assert theatre.now == before + rest
    assert announcement == Speak("ada", "run-0-again", ANNOUNCEMENT)
    assert theatre.ack(announcement) == [Heard(None, 4), Restarted(1)]
    first = theatre.speak()
    assert (first.id, first.text) == ("run-1-1", "one")
    theatre.ack(first)
    assert theatre.speak().reply_to == 5, "the new line one, not the old"


def test_a_room_that_has_heard_something_hears_first_that_it_begins_again() -> None:
    theatre = Theatre().open(head=17)
    announcement = theatre.speak()
    assert announcement.text == ANNOUNCEMENT
    assert theatre.ack(announcement) == [Heard(None, 1), Restarted(1)]
    assert theatre.speak().id == "run-1-1"


def test_coming_back_in_the_middle_begins_nothing_again() -> None:
    theatre = Theatre().open()
    theatre.perform(1)
    theatre.feed(Lost("bo"))
    theatre.feed(Connected("bo", 1))
    assert theatre.speak().text == "two"


def test_a_line_that_was_cut_off_is_said_again_under_the_same_id() -> None:
    theatre = Theatre().open()
    theatre.feed(Audience("bo", True))
    first = theatre.speak()
    theatre.feed(Lost("ada"))
    assert theatre.play.deadline() is None
    (again,) = theatre.feed(Connected("ada", 1))
    assert again == first
    theatre.ack(first)
    assert theatre.speak().text == "two"


def test_a_line_waits_for_its_speaker() -> None:
    theatre = Theatre().open()
    theatre.perform(1)
    theatre.feed(Lost("bo"))
    theatre.now += 100.0
    assert theatre.play.deadline() is None
    (second,) = theatre.feed(Connected("bo", 1))
    assert isinstance(second, Speak) and second.text == "two"


def test_a_rate_limit_is_waited_out() -> None:
    theatre = Theatre().open()
    first = theatre.speak()
    theatre.feed(Refused(first.id, "rate_limited", "slowly", 2.5))
    assert theatre.play.deadline() == theatre.now + 2.5
    assert theatre.speak() == first


@pytest.mark.parametrize(("asked", "waited"), [(0.0, 0.05), (-5.0, 0.05), (9999.0, 30.0)])
def test_what_a_server_asks_to_wait_has_bounds(asked: float, waited: float) -> None:
    theatre = Theatre().open()
    theatre.feed(Refused(theatre.speak().id, "rate_limited", "", asked))
    assert theatre.play.deadline() == theatre.now + waited


def test_a_line_is_retried_so_often_and_then_left_out() -> None:
    theatre = Theatre().open()
    waits = []
    for _ in range(FAILURES_MAX - 1):
        theatre.feed(Refused(theatre.speak().id, "unavailable", "disk full"))
        waits.append((theatre.play.deadline() or 0) - theatre.now)
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0] + [30.0] * 6
    actions = theatre.feed(Refused(theatre.speak().id, "unavailable", "disk full"))
    assert actions[0] == Skipped(1, "unavailable", "disk full")
    assert isinstance(actions[1], Speak) and actions[1].text == "two"
    assert actions[1].reply_to is None, "what it replies to was never said"


@pytest.mark.parametrize("code", ["conflict", "too_large", "forbidden", "not_found", "bad_field", "of_the_future"])
def test_a_line_that_will_never_be_taken_is_left_out_at_once(code: str) -> None:
    theatre = Theatre().open()
    assert theatre.feed(Refused(theatre.speak().id, code, "no")) == [Skipped(1, code, "no")]
    assert theatre.speak().text == "two"


def test_silence_counts_as_a_failure() -> None:
    theatre = Theatre().open()
    first = theatre.speak()
    assert theatre.play.deadline() == theatre.now + ACK_SECONDS_MAX
    assert theatre.wait() == []
    assert theatre.speak() == first


def test_an_answer_that_comes_after_giving_up_waiting_still_counts() -> None:
    theatre = Theatre().open()
    first = theatre.speak()
    theatre.wait()
    assert theatre.ack(first)[0] == Heard(1, 1)


def test_answers_to_something_else_are_ignored() -> None:
    theatre = Theatre().open()
    theatre.perform(1)
    second = theatre.speak()
    for event in (Said("run-0-1", 9), Said("else", 9), Refused("run-0-1", "conflict"), Refused("run-0-4", "conflict")):
        assert theatre.feed(event) == []
    assert theatre.ack(second) == [Heard(2, 2)]


def test_a_play_that_runs_once_needs_no_audience_and_ends() -> None:
    theatre = Theatre(once=True)
    theatre.feed(Connected("ada", 99))
    theatre.feed(Connected("bo", 99))
    theatre.perform(2)
    assert theatre.ack(theatre.speak()) == [Heard(4, 3), Finished()]
    assert theatre.play.deadline() is None
    assert theatre.feed(Tick()) == [] and theatre.feed(Said("run-0-4", 9)) == []


@pytest.mark.parametrize(
    ("script", "run_id", "speed"),
    [((), "run", 1.0), (SCRIPT, "", 1.0), (SCRIPT, "x" * 33, 1.0), (SCRIPT, "run", 0.0), (SCRIPT, "run", 101.0)],
)
def test_a_play_that_cannot_be_is_refused(script: tuple[Line, ...], run_id: str, speed: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        Play(script, run_id, speed=speed)


def test_every_id_fits_the_protocol() -> None:
    play = Play((Line(20_000, "ada", "x"),), "x" * module.RUN_ID_CHARS_MAX)
    play.handle(Connected("ada", 0), 0.0)
    play.handle(Audience("ada", True), 0.0)
    (speak,) = play.handle(Tick(), 1.5)
    assert isinstance(speak, Speak) and len(speak.id) <= 64


STEPS = st.sampled_from(
    ["wait", "wait", "said", "said", "said", "lose", "cut", "connect", "come", "go", "limit", "full", "stale"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(STEPS, st.sampled_from(["ada", "bo"])), min_size=20, max_size=120), st.booleans())
def test_whatever_happens_no_line_is_skipped_doubled_or_out_of_order(steps: list[tuple[str, str]], once: bool) -> None:
    theatre = Theatre(once=once).open()
    stored: dict[str, int] = {}  # what a server keeps: an id said twice is one message
    asked: list[Speak] = []

    connected = {"ada", "bo"}

    def take(actions: list[Action]) -> None:
        spoken = [action for action in actions if isinstance(action, Speak)]
        assert all(speak.speaker in connected for speak in spoken)
        asked.extend(spoken)

    def say() -> None:
        if asked:
            take(theatre.feed(Said(asked[-1].id, stored.setdefault(asked[-1].id, len(stored) + 1))))

    for step, speaker in steps:
        theatre.now += 0.25
        if step == "wait" and theatre.play.deadline() is not None:
            theatre.now = max(theatre.now, theatre.play.deadline() or 0.0)
            take(theatre.feed(Tick()))
        elif step == "said" and asked and asked[-1].speaker in connected:
            say()
        elif step == "cut" and asked:  # it was stored, but the answer never came
            stored.setdefault(asked[-1].id, len(stored) + 1)
            connected.discard(asked[-1].speaker)
            take(theatre.feed(Lost(asked[-1].speaker)))
        elif step == "lose":
            connected.discard(speaker)
            take(theatre.feed(Lost(speaker)))
        elif step == "connect" and speaker not in connected:
            connected.add(speaker)
            take(theatre.feed(Connected(speaker, 0)))
        elif step in ("come", "go"):
            take(theatre.feed(Audience(speaker, step == "come")))
        elif step in ("limit", "full") and asked and asked[-1].id not in stored:
            code = "rate_limited" if step == "limit" else "unavailable"
            take(theatre.feed(Refused(asked[-1].id, code, "", 0.1)))
        elif step == "stale" and len(asked) > 1 and asked[0].id != asked[-1].id:
            take(theatre.feed(Said(asked[0].id, 1)))
        if any(isinstance(act, Skipped) for act in theatre.acts):
            return  # refused a dozen times over; what happens then has a test of its own

    # The faults stop: everybody is there, everything is answered.
    for speaker in ("ada", "bo"):
        if speaker not in connected:
            connected.add(speaker)
            take(theatre.feed(Connected(speaker, 0)))
        take(theatre.feed(Audience(speaker, True)))
    for _ in range(20):
        if any(isinstance(act, Finished | Restarted) for act in theatre.acts):
            break
        if asked and asked[-1].id not in {f"run-0-{a.line}" for a in theatre.acts if isinstance(a, Heard)}:
            say()
        else:
            take(theatre.wait())
    lines = [id.removeprefix("run-0-") for id in stored if id.startswith("run-0-")]
    assert lines == (["1", "2", "4"] if once else ["1", "2", "4", "again"])
    heard = [act.line for act in theatre.acts if isinstance(act, Heard)]
    assert heard[:3] == [1, 2, 4]
