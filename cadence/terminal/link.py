"""Coming in and coming back: who we are to the server, how far we have read, when to try again.

    state      what it waits for           leaves by
    DIALING    a connection                it opened -> GREETING; it did not -> DIALING later
    GREETING   `welcome`                   it came -> ENTERING
    ENTERING   `joined`                    it came -> INSIDE
    INSIDE     what happens in the room    the connection is lost -> DIALING later

Pure: `now` is in seconds of any clock that never goes back.
"""

from __future__ import annotations

from enum import Enum, auto

from msgspec import UNSET

from cadence.rooms.wire import (
    CLOSE_BANNED,
    CLOSE_KICKED,
    CLOSE_PROTOCOL_ERROR,
    CLOSE_UNAUTHORIZED,
    After,
    Error,
    Hello,
    Join,
    Joined,
    Welcome,
    You,
)

ENTER_SECONDS_MAX = 10.0  # for hello and join together
BACKOFF_SECONDS_MIN = 0.5
BACKOFF_SECONDS_MAX = 30.0
STEADY_SECONDS = 10.0  # inside for that long: attempts are counted anew
ATTEMPTS_MAX = 100  # in a row; about 50 minutes
FINAL = {
    CLOSE_PROTOCOL_ERROR: "the server does not understand this client: is one of the two older?",
    CLOSE_UNAUTHORIZED: "the server does not let you in: ask the host for a token or a ticket",
    CLOSE_KICKED: "you were asked to leave",
    CLOSE_BANNED: "you may not come in any more",
}


class State(Enum):
    DIALING = auto()
    GREETING = auto()
    ENTERING = auto()
    INSIDE = auto()


class Refused(Exception):
    """There is no way in; the text is one sentence for the person."""


class Link:
    """One reader's way into one room. `you`, `epoch`, `seq` and `turn` are what the server last told."""

    def __init__(self, room: str, name: str | None, token: str | None) -> None:
        self.state = State.DIALING
        self.you: You | None = None
        self.epoch: str | None = None
        self.seq = 0
        self.turn = 0
        self.deadline: float | None = None  # for the answers to hello and join
        self._room = room
        self._name = name
        self._token = token
        self._show_token = token is not None
        self._session: str | None = None
        self._failures = 0
        self._entered_at: float | None = None
        self._wait_s: float | None = None  # what the server asked for

    def opened(self, now: float) -> Hello:
        """A connection is there: what to send on it."""
        self.state, self.deadline = State.GREETING, now + ENTER_SECONDS_MAX
        return Hello(
            kind="human",
            name=UNSET if self._name is None else self._name,
            token=UNSET if self._token is None or not self._show_token else self._token,
            client="cadence join",
            resume=UNSET if self._session is None else self._session,
            ref="hello",
        )

    def welcomed(self, frame: Welcome) -> Join:
        """The server knows us: what to send next. Turns are numbered for each user, so another one begins anew."""
        if self.you is not None and self.you.id != frame.you.id:
            self.turn = 0
        self.you, self._session, self.state = frame.you, frame.session, State.ENTERING
        self._show_token = False  # a ticket is good for once; the session brings us back
        after = UNSET if self.epoch is None else After(self.epoch, self.seq, self.turn)
        return Join(room=self._room, after=after, ref="join")

    def joined(self, frame: Joined, now: float) -> bool:
        """We are in. Whether what we have goes on without a gap; if not, it begins anew at the head."""
        self.state, self.deadline, self._entered_at = State.INSIDE, None, now
        goes_on = self.epoch == frame.epoch and frame.recovered
        if not goes_on:
            self.turn = self.turn if self.epoch == frame.epoch else 0
            self.epoch, self.seq = frame.epoch, frame.head
        return goes_on

    def refused(self, error: Error) -> str:
        """The server said no to hello or join. Raises `Refused` unless it may say yes later."""
        if error.code == "conflict" and self.state is State.GREETING:
            raise Refused(f"{error.message}: --name NAME")
        if error.code == "unauthorized" and self._token is not None and not self._show_token:
            self._show_token, self._session = True, None  # the session is forgotten, the token may still be good
        elif error.code not in ("rate_limited", "unavailable"):
            raise Refused(error.message)
        self._wait_s = error.retry_after_s if isinstance(error.retry_after_s, float | int) else None
        return error.message

    def going(self, after_s: float) -> None:
        """The server goes away and asks to come back then."""
        self._wait_s = after_s

    def lost(self, code: int | None, reason: str, now: float) -> float:
        """The connection is gone: seconds to wait before the next. Raises `Refused` if there is none."""
        if self.state is State.DIALING and self.you is None:  # nobody has ever been there: a wrong address
            raise Refused(reason)
        if code in FINAL and not (code == CLOSE_UNAUTHORIZED and self._show_token and self.you is not None):
            raise Refused(FINAL[code])
        steady = self._entered_at is not None and now - self._entered_at >= STEADY_SECONDS
        self._failures = 1 if steady else self._failures + 1
        if self._failures >= ATTEMPTS_MAX:
            raise Refused(f"gave up after {self._failures} attempts in a row; the last one: {reason}")
        asked, self._wait_s = self._wait_s, None
        self.state, self.deadline, self._entered_at = State.DIALING, None, None
        wait = asked if asked is not None else BACKOFF_SECONDS_MIN * 2.0 ** min(self._failures - 1, 10)
        return min(max(wait, BACKOFF_SECONDS_MIN), BACKOFF_SECONDS_MAX)
