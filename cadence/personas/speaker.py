"""Keep one speaker in a room: hello, join, say; drain the socket; come back after a cut.

StageError      the server refuses the speaker for good, or too many attempts failed in a row
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

import msgspec
import structlog
from msgspec import UNSET, Struct, UnsetType

from cadence.duplex import Closed, Connect, Duplex
from cadence.personas.cast import Cast, Humans, numbered
from cadence.personas.play import Audience, Connected, Event, Lost, Refused, Said, Speak
from cadence.rooms import wire

ENTER_SECONDS_MAX = 10.0  # for hello and join together
SEND_SECONDS_MAX = 10.0
BACKOFF_SECONDS_MIN = 0.5
BACKOFF_SECONDS_MAX = 30.0
STEADY_SECONDS = 10.0  # a connection that lasted that long was a good one: attempts are counted anew
ATTEMPTS_MAX = 100  # in a row; about 50 minutes
NAMES_MAX = 50  # "Vera", "Vera 2", ... for those who have no token
FINAL_CODES = (4000, 4003, 4010, 4011)  # close codes after which a client must not come back

_R = TypeVar("_R", wire.Welcome, wire.Joined)

log = structlog.get_logger(__name__)


class StageError(Exception):
    """The conversation cannot go on; the text is one sentence for the operator."""


class _NameTaken(Exception):
    """Somebody else has the name: ask for the next one."""


class _Failed(Exception):
    """This attempt is over, another may do better."""


class Speaker:
    """One connection at a time for one member of the cast. Tells what a `Play` must know, in order.

    `hear` gets every frame of the room as well, `joined` first; who only recites needs none. `after` says what is known
    of the room already, so that what was missed is sent.
    """

    def __init__(
        self,
        cast: Cast,
        room: str,
        connect: Connect,
        tell: Callable[[Event], Awaitable[None]],
        *,
        attempts_max: int = ATTEMPTS_MAX,
        hear: Callable[[wire.ServerFrame], Awaitable[None]] | None = None,
        after: Callable[[], wire.After | UnsetType] = lambda: UNSET,
    ) -> None:
        self.cast = cast
        self._hear = hear
        self._after = after
        self._room = room
        self._connect = connect
        self._tell = tell
        self._attempts_max = attempts_max
        self._duplex: Duplex | None = None
        self._resume: str | None = None  # guests only: who has a token is the same user anyway
        self._name_number = 1
        self._was_there = False
        self._wait_s: float | None = None  # what the server asked for before it went away
        self._entered_at: float | None = None  # this attempt, if it came that far
        self._humans = Humans()

    @property
    def connected(self) -> bool:
        """Whether the speaker is in the room."""
        return self._duplex is not None

    async def run(self) -> None:
        """Stay in the room until cancelled. Raises `StageError`."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            self._entered_at = None
            try:
                reason = await self._attempt()
            except _NameTaken:
                self._name_number += 1
                if self._name_number > NAMES_MAX:
                    raise self._refused(f"{NAMES_MAX} names like it are taken") from None
                continue
            steady = self._entered_at is not None and loop.time() - self._entered_at >= STEADY_SECONDS
            failures = 1 if steady else failures + 1
            if failures >= self._attempts_max:
                raise self._refused(f"gave up after {failures} attempts in a row; the last one: {reason}")
            asked, self._wait_s = self._wait_s, None
            wait = asked if asked is not None else BACKOFF_SECONDS_MIN * 2.0 ** min(failures - 1, 10)
            wait = min(max(wait, BACKOFF_SECONDS_MIN), BACKOFF_SECONDS_MAX)
            log.warning("speaker_lost", room=self._room, speaker=self.cast.id, reason=reason, again_in_s=wait)
            await asyncio.sleep(wait)

    async def say(self, speak: Speak) -> None:
        """Send a message, or end a connection that does not take it; the answer is told as an event."""
        reply_to = UNSET if speak.reply_to is None else speak.reply_to
        frame = wire.Say(
            room=self._room,
            id=speak.id,
            text=speak.text,
            parts=speak.parts,
            reply_to=reply_to,
            spoken=speak.spoken,
            ref=speak.id,
        )
        await self.request(frame)

    async def request(self, frame: Struct) -> None:
        """Send any frame, or end a connection that does not take it."""
        duplex = self._duplex
        if duplex is None:
            return  # lost in this very moment: `Lost` is on its way
        try:
            async with asyncio.timeout(SEND_SECONDS_MAX):
                await _send(duplex, frame)
        except (Closed, TimeoutError):
            await duplex.close()  # the reader notices and tells

    async def _attempt(self) -> str:
        """One connection from beginning to end; returns why it ended."""
        try:
            duplex = await self._connect(self.cast.id)
        except OSError as error:
            if not self._was_there:  # nobody has ever been there: a wrong address, not a cut
                raise StageError(str(error)) from None
            return str(error)
        try:
            reason = await self._stay(duplex)
        finally:
            was_in, self._duplex = self._duplex is not None, None
            await duplex.close()
        if was_in:  # told here and not above: who is cancelled tells nobody, nobody may be listening
            await self._tell(Lost(self.cast.id))
        return reason

    async def _stay(self, duplex: Duplex) -> str:
        """Enter and listen until it ends; returns why."""
        try:
            async with asyncio.timeout(ENTER_SECONDS_MAX):
                joined = await self._enter(duplex)
        except TimeoutError:
            return f"expected an answer to hello and join within {ENTER_SECONDS_MAX:g} s, got none"
        except (Closed, _Failed) as error:
            return self._reason(error)
        self._duplex, self._was_there = duplex, True
        self._entered_at = asyncio.get_running_loop().time()
        try:
            if self._hear is not None:
                await self._hear(joined)
            await self._tell(Connected(self.cast.id, joined.head))
            self._humans.whole(joined.members, joined.member_count)
            await self._tell(Audience(self.cast.id, self._humans.present))
            await self._listen(duplex)
        except (Closed, _Failed) as error:
            return self._reason(error)

    def _reason(self, error: Exception) -> str:
        if isinstance(error, Closed) and error.code in FINAL_CODES:
            raise self._refused(str(error)) from None
        return str(error)

    async def _enter(self, duplex: Duplex) -> wire.Joined:
        cast = self.cast
        hello = wire.Hello(
            kind="agent",
            name=numbered(cast.name, self._name_number),
            token=UNSET if cast.token is None else cast.token,
            client="cadence stage",
            resume=UNSET if cast.token is not None or self._resume is None else self._resume,
            ref="hello",
        )
        await _send(duplex, hello)
        welcome = await self._reply(duplex, wire.Welcome, "hello")
        self._resume = welcome.session
        await _send(duplex, wire.Join(room=self._room, after=self._after(), ref="join"))
        return await self._reply(duplex, wire.Joined, "join")

    async def _reply(self, duplex: Duplex, kind: type[_R], ref: str) -> _R:
        """The reply to `ref`; other frames are not for us yet."""
        while True:
            frame = await _receive(duplex)
            if isinstance(frame, kind):
                return frame
            if isinstance(frame, wire.Reconnect):
                self._wait_s = frame.after_s
            if not isinstance(frame, wire.Error) or frame.ref not in (ref, UNSET):
                continue
            if frame.code == "conflict" and ref == "hello" and self.cast.token is None:
                raise _NameTaken
            if frame.code not in ("rate_limited", "unavailable"):
                raise self._refused(frame.message)
            self._wait_s = None if frame.retry_after_s is UNSET else frame.retry_after_s
            raise _Failed(frame.message)

    async def _listen(self, duplex: Duplex) -> NoReturn:
        """Tell what matters of the frames that come, and drop the rest; never returns."""
        while True:
            frame = await _receive(duplex)
            if self._hear is not None and frame is not None:
                await self._hear(frame)
            match frame:
                case wire.Said():
                    await self._tell(Said(frame.id, frame.seq))
                case wire.Presence() if frame.room == self._room:
                    await self._change(frame)
                case wire.Reconnect():
                    self._wait_s = frame.after_s
                case wire.Error() if isinstance(frame.ref, str):
                    retry_after_s = None if frame.retry_after_s is UNSET else frame.retry_after_s
                    await self._tell(Refused(frame.ref, frame.code, frame.message, retry_after_s))
                    if frame.code == "not_joined":
                        raise _Failed(frame.message)

    async def _change(self, frame: wire.Presence) -> None:
        if frame.members is not UNSET:
            count = len(frame.members) if frame.member_count is UNSET else frame.member_count
            self._humans.whole(frame.members, count)
        self._humans.changed(
            () if frame.joined is UNSET else frame.joined,
            () if frame.left is UNSET else frame.left,
        )
        await self._tell(Audience(self.cast.id, self._humans.present))

    def _refused(self, why: str) -> StageError:
        return StageError(f"{self.cast.name} cannot speak in the room `{self._room}`: {why}")


async def _send(duplex: Duplex, frame: Struct) -> None:
    await duplex.send(wire.encode(frame).decode())


async def _receive(duplex: Duplex) -> wire.ServerFrame | None:
    """The next frame, None for one of a kind we do not know: the protocol may grow."""
    text = await duplex.receive()
    try:
        return wire.decode_reply(text)
    except msgspec.DecodeError:
        return None
