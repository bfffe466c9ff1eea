"""Coming in and coming back: who we are to the server, how far we have come in each room, when to try again.

    state      what it waits for           leaves by
    DIALING    a connection                it opened -> GREETING; it did not -> DIALING later
    GREETING   `welcome`                   it came -> ENTERING
    ENTERING   `joined` for every room     all came -> INSIDE
    INSIDE     what happens in the rooms   the connection is lost -> DIALING later

Pure: `now` is in seconds of any clock that never goes back.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    Kind,
    ViewPatch,
    Welcome,
    You,
)

ENTER_SECONDS_MAX = 10.0  # for hello and join together
BACKOFF_SECONDS_MIN = 0.5
BACKOFF_SECONDS_MAX = 30.0
STEADY_SECONDS = 10.0  # inside for that long: attempts are counted anew
ATTEMPTS_MAX = 100  # in a row; about 50 minutes
LATER = ("rate_limited", "unavailable")  # refusals that may be otherwise later
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
    """There is no way in; the text is one sentence for the person. `code` is the protocol's, if an error said it."""

    def __init__(self, sentence: str, code: str | None = None) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(slots=True)
class Progress:
    """How far we have come in one room: what the server last told, and whether we are in it now."""

    epoch: str | None = None
    seq: int = 0
    turn: int = 0
    inside: bool = False
    view: ViewPatch | None = None  # to join with


class Link:
    """One client's way into its rooms. `you` is who the server says we are, `session` the secret that proves it."""

    def __init__(
        self, kind: Kind, name: str | None, token: str | None, *, client: str, session: str | None = None
    ) -> None:
        self.state = State.DIALING
        self.you: You | None = None
        self.session = session
        self.rooms: dict[str, Progress] = {}
        self.deadline: float | None = None  # for the answers to hello and join
        self._kind = kind
        self._name = name
        self._token = token
        self._client = client
        self._show_token = token is not None
        self._failures = 0
        self._entered_at: float | None = None
        self._wait_s: float | None = None  # what the server asked for

    def enter(self, room: str, view: ViewPatch | None = None) -> Progress:
        """Be in `room` from now on; `join` is what to send, if we are greeted already."""
        return self.rooms.setdefault(room, Progress(view=view))

    def leave(self, room: str, now: float) -> None:
        """Be no longer in `room`."""
        self.rooms.pop(room, None)
        self._settle(now)

    @property
    def greeted(self) -> bool:
        """Whether the server knows us on this connection."""
        return self.state in (State.ENTERING, State.INSIDE)

    def opened(self, now: float) -> Hello:
        """A connection is there: what to send on it."""
        self.state, self.deadline = State.GREETING, now + ENTER_SECONDS_MAX
        return Hello(
            kind=self._kind,
            name=UNSET if self._name is None else self._name,
            token=UNSET if self._token is None or not self._show_token else self._token,
            client=self._client,
            resume=UNSET if self.session is None else self.session,
            ref="hello",
        )

    def welcomed(self, frame: Welcome, now: float) -> list[Join]:
        """The server knows us: what to send next. Turns are numbered for each user, so another one begins anew."""
        if self.you is not None and self.you.id != frame.you.id:
            for progress in self.rooms.values():
                progress.turn = 0
        self.you, self.session, self.state = frame.you, frame.session, State.ENTERING
        self._show_token = False  # a ticket is good for once; the session brings us back
        self._settle(now)
        return [self.join(room) for room in self.rooms]

    def join(self, room: str) -> Join:
        """How to ask for `room`, going on with what we have of it."""
        known = self.rooms[room]
        after = UNSET if known.epoch is None else After(known.epoch, known.seq, known.turn)
        return Join(room=room, after=after, view=UNSET if known.view is None else known.view, ref=f"join {room}"[:128])

    def joined(self, frame: Joined, now: float) -> bool:
        """We are in. Whether what we have goes on without a gap; if not, it begins anew at the head."""
        known = self.rooms[frame.room]
        known.inside, known.view = True, None
        self._settle(now)
        goes_on = known.epoch == frame.epoch and frame.recovered
        if not goes_on:
            known.turn = known.turn if known.epoch == frame.epoch else 0
            known.epoch, known.seq = frame.epoch, frame.head
        return goes_on

    def concerns(self, error: Error) -> bool:
        """Whether `error` answers a hello or a join that is under way."""
        if self.state is State.GREETING:
            return error.ref in ("hello", UNSET)
        return self.state is State.ENTERING and (error.ref is UNSET or str(error.ref).startswith("join "))

    def refused(self, error: Error) -> str:
        """The server said no to hello or join. Raises `Refused` unless it may say yes later."""
        if error.code == "unauthorized" and self._token is not None and not self._show_token:
            self._show_token, self.session = True, None  # the session is forgotten, the token may still be good
        elif error.code not in LATER:
            raise Refused(error.message, error.code)
        self._wait_s = error.retry_after_s if isinstance(error.retry_after_s, float | int) else None
        return error.message

    def going(self, after_s: float) -> None:
        """The server goes away and asks to come back then."""
        self._wait_s = after_s

    def lost(self, code: int | None, reason: str, now: float, roll: float = 1.0) -> float:
        """The connection is gone: seconds to wait before the next. Raises `Refused` if there is none.

        `roll`, 0 to 1 and random, keeps a crowd from coming back in the same instant; what the server asks for is kept.
        """
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
        for progress in self.rooms.values():
            progress.inside = False
        usual = min(BACKOFF_SECONDS_MIN * 2.0 ** min(self._failures - 1, 10), BACKOFF_SECONDS_MAX)
        wait = asked if asked is not None else usual * (0.5 + roll / 2)
        return min(max(wait, BACKOFF_SECONDS_MIN / 2), BACKOFF_SECONDS_MAX)

    def _settle(self, now: float) -> None:
        if self.state is State.ENTERING and all(progress.inside for progress in self.rooms.values()):
            self.state, self.deadline, self._entered_at = State.INSIDE, None, now
