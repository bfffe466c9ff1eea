"""Who says what when: a scripted conversation as a machine.

One cue at a time: the next is given only when the last was acknowledged, so the order of the script is the
order of the log, whatever the connections do. A cue is a line, or the announcement that the script begins
again.

    state     what it waits for                     leaves by
    WAITING   the time of the cue, and its speaker  the time comes -> SPEAKING
    SPEAKING  `Said` for the cue's id               Said -> WAITING (next cue); Refused, silence or a cut -> AGAIN,
                                                    or, if that is no use, -> WAITING (next cue) with `Skipped`
    AGAIN     as WAITING; the same id is said again the time comes -> SPEAKING
    OVER      nothing (a play that runs once)

Across all of them lies the pause: while no human is there no cue is given, and the seconds that were left to
the next one are kept. Ids are made of run, round and line, so saying one again is idempotent (protocol rule 3).

Pure: `now` is in seconds of any clock that never goes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from cadence.personas.script import Line
from cadence.rooms.wire import Part

LINES_PER_MINUTE = 40
SPEED_MIN, SPEED_MAX = 0.01, 100.0
REST_SECONDS = 60.0  # after the last line, divided by the speed
REST_SECONDS_MIN = 5.0  # but never less: a reader must be able to see that it ended
ACK_SECONDS_MAX = 30.0  # silence of a server that long counts as a failure
RETRY_SECONDS_MIN = 0.05
RETRY_SECONDS_MAX = 30.0
FAILURES_MAX = 12  # of one cue, about four minutes; then it is left out
RUN_ID_CHARS_MAX = 32
ANNOUNCEMENT = "We start again from the beginning."
PASSING = ("rate_limited", "unavailable", "not_joined")  # refusals that may be otherwise later


@dataclass(frozen=True, slots=True)
class Connected:
    """The speaker is in the room, whose last seq is `head`."""

    speaker: str
    head: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The speaker's connection is gone; what it said last may or may not have arrived."""

    speaker: str


@dataclass(frozen=True, slots=True)
class Audience:
    """Whether this speaker sees a human in the room."""

    speaker: str
    present: bool


@dataclass(frozen=True, slots=True)
class Said:
    """The message `id` is durable under `seq`."""

    id: str
    seq: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The message `id` was answered with an error."""

    id: str
    code: str
    message: str = ""
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline has come."""


Event = Connected | Lost | Audience | Said | Refused | Tick


@dataclass(frozen=True, slots=True)
class Speak:
    """Send this as its speaker. `line` is its number in the script, None for the announcement."""

    speaker: str
    id: str
    text: str
    parts: tuple[Part, ...] = ()
    reply_to: int | None = None
    spoken: bool = False
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """A cue is durable under `seq`."""

    line: int | None
    seq: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A cue is left out, because the server does not take it."""

    line: int | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The conversation begins again; what was said before is forgotten here."""

    round: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A play that runs once has ended."""


Action = Speak | Heard | Skipped | Restarted | Finished


class _State(Enum):
    WAITING = auto()
    SPEAKING = auto()
    AGAIN = auto()
    OVER = auto()


class Play:
    """A script being played. `once`: play to the end whoever is there, instead of for ever before humans.

    `run_id` (1 to 32 characters) must differ between starts. `script` must not be empty. A room in which
    something was said before this start hears the announcement first.
    """

    def __init__(self, script: Sequence[Line], run_id: str, *, speed: float = 1.0, once: bool = False) -> None:
        if not script:
            raise ValueError("expected a script with at least one line, got none")
        if not SPEED_MIN <= speed <= SPEED_MAX:
            raise ValueError(f"expected a speed from {SPEED_MIN} to {SPEED_MAX}, got {speed}")
        if not 1 <= len(run_id) <= RUN_ID_CHARS_MAX:
            raise ValueError(f"expected a run id of 1 to {RUN_ID_CHARS_MAX} characters, got {len(run_id)}")
        self._script = tuple(script)
        self._run_id = run_id
        self._speed = speed
        self._once = once
        self._missing = {line.speaker for line in script}  # speakers who have never been there
        self._sees: dict[str, bool] = {}  # connected speaker -> sees a human
        self._seqs: dict[int, int] = {}  # line of this round -> seq
        self._state = _State.WAITING
        self._cue = 0  # index into the script; its length stands for the announcement
        self._round = 0
        self._failures = 0
        self._given_at: float | None = None  # when the cue was given first
        self._due: float | None = None
        self._left: float = self._gap(0)  # seconds to the cue, while paused
        self._playing = False

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take an event in and return what follows from it."""
        actions: list[Action] = []
        match event:
            case Connected(speaker, head):
                self._connected(speaker, head)
            case Lost(speaker):
                self._sees.pop(speaker, None)
                if self._state is _State.SPEAKING and speaker == self._speaker():
                    self._state = _State.AGAIN
                    self._schedule(0.0, now)
            case Audience(speaker, present):
                if speaker in self._sees:
                    self._sees[speaker] = present
            case Said(id, seq):
                if self._is_open(id):
                    actions += self._heard(seq, now)
            case Refused(id):
                if self._is_open(id):
                    actions += self._failed(event, now)
            case Tick():
                if self._state is _State.SPEAKING and self._due is not None and self._due <= now:
                    silence = f"no answer within {ACK_SECONDS_MAX:g} s"
                    actions += self._failed(Refused(self._id(), "unavailable", silence), now)
        self._pause_or_go(now)
        actions += self._give_cue(now)
        return actions

    def deadline(self) -> float | None:
        """When to be woken with `Tick`; None while only an event can help."""
        if self._state is _State.OVER or (self._state is not _State.SPEAKING and self._speaker() not in self._sees):
            return None
        return self._due

    def _connected(self, speaker: str, head: int) -> None:
        fresh = self._cue == 0 and self._round == 0 and self._given_at is None
        if fresh and head > 0 and not self._once:
            self._cue = len(self._script)
        self._missing.discard(speaker)
        self._sees[speaker] = False

    def _pause_or_go(self, now: float) -> None:
        playing = not self._missing and (self._once or any(self._sees.values()))
        if playing == self._playing:
            return
        self._playing = playing
        if self._state is _State.SPEAKING:
            return  # what was said is awaited, paused or not
        if playing:
            self._due = now + self._left
        elif self._due is not None:
            self._left, self._due = max(0.0, self._due - now), None

    def _give_cue(self, now: float) -> list[Action]:
        if self._state not in (_State.WAITING, _State.AGAIN) or self._due is None or self._due > now:
            return []
        if self._speaker() not in self._sees:
            return []
        if self._state is _State.WAITING:
            self._given_at, self._failures = now, 0
        self._state, self._due = _State.SPEAKING, now + ACK_SECONDS_MAX
        if self._cue == len(self._script):
            return [Speak(self._speaker(), self._id(), ANNOUNCEMENT)]
        line = self._script[self._cue]
        reply_to = None if line.reply_to is None else self._seqs.get(line.reply_to)
        return [Speak(line.speaker, self._id(), line.text, line.parts, reply_to, line.spoken, line.number)]

    def _heard(self, seq: int, now: float) -> list[Action]:
        line = self._line_number()
        if line is not None:
            self._seqs[line] = seq
        return [Heard(line, seq), *self._next(now)]

    def _failed(self, refused: Refused, now: float) -> list[Action]:
        self._failures += 1
        if refused.code not in PASSING or self._failures >= FAILURES_MAX:
            return [Skipped(self._line_number(), refused.code, refused.message), *self._next(now)]
        wait = refused.retry_after_s
        if wait is None:
            wait = 0.5 * 2.0 ** min(self._failures, 10)
        self._state = _State.AGAIN
        self._schedule(min(max(wait, RETRY_SECONDS_MIN), RETRY_SECONDS_MAX), now)
        return []

    def _next(self, now: float) -> list[Action]:
        """Move on from a cue that is settled."""
        given_at = now if self._given_at is None else self._given_at
        actions: list[Action] = []
        self._state = _State.WAITING
        self._cue += 1
        if self._cue > len(self._script):
            self._cue, self._round = 0, self._round + 1
            self._seqs.clear()
            actions.append(Restarted(self._round))
        elif self._cue == len(self._script) and self._once:
            self._state = _State.OVER
            return [Finished()]
        # From the time the last cue was given, so that a slow acknowledgement does not slow the conversation.
        self._schedule(max(0.0, given_at + self._gap(self._cue) - now), now)
        return actions

    def _gap(self, cue: int) -> float:
        """Seconds between the cue before and this one."""
        if cue == len(self._script):
            return max(REST_SECONDS / self._speed, REST_SECONDS_MIN)
        after_s = self._script[cue].after_s
        return (60.0 / LINES_PER_MINUTE if after_s is None else after_s) / self._speed

    def _schedule(self, seconds: float, now: float) -> None:
        self._left, self._due = seconds, now + seconds if self._playing else None

    def _is_open(self, id: str) -> bool:
        """Whether `id` is the cue that was given and is not settled; an answer may come late, to AGAIN too."""
        return self._state in (_State.SPEAKING, _State.AGAIN) and id == self._id()

    def _speaker(self) -> str:
        return self._script[self._cue % len(self._script)].speaker  # the first one announces

    def _line_number(self) -> int | None:
        return None if self._cue == len(self._script) else self._script[self._cue].number

    def _id(self) -> str:
        return f"{self._run_id}-{self._round}-{self._line_number() or 'again'}"
