"""Calls that are answered and casts that are not, between two ends of a line that keeps their order.

What one end sends is begun at the other in the order it was sent: a call's first step comes before all that was
sent after it. The line itself is not this module's business: `send` takes a frame, `received` is told of one.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import structlog

from cadence.rooms.mediation import StoreFenced, StoreUnavailable
from cadence.rooms.wire import WireError

Frame = tuple[Literal["cast", "call", "answer", "refusal"], int, str, tuple[Any, ...]]
Casts = Mapping[str, Callable[..., None]]
Calls = Mapping[str, Callable[..., Awaitable[Any]]]
Refusal = tuple[str, dict[str, Any]]  # an error on its way: its kind and its fields
_KINDS: Mapping[str, type[Exception]] = {"store": StoreUnavailable, "fenced": StoreFenced}  # of errors, on their way
CASTS_AT_ONCE = 16  # in one turn of the loop: what hundreds of readers are told at once must not hold up who reads raw

log = structlog.get_logger(__name__)


class Gone(Exception):
    """The other end is not there any more, so nobody will answer."""


class Peer:
    """One end. What the other end may ask for is listed in `casts` and `calls`, and nothing else is done for it.

    A call that is cancelled here goes on there; its answer is dropped.
    """

    def __init__(self, send: Callable[[Frame], None], casts: Casts, calls: Calls) -> None:
        self._send, self._casts, self._calls = send, casts, calls
        self._numbers = itertools.count(1)
        self._pending: dict[int, asyncio.Future[Any]] = {}
        # Bounded by what comes until the loop has got round to all of it, a call or some casts a turn.
        self._inbox: deque[Frame] = deque()
        self._told = 0  # casts done in this turn of the loop
        self._paused = self._beginning = False  # nothing is done until a turn of the loop is over, or a call has begun
        self._tasks: set[asyncio.Task[None]] = set()
        self._gone = False

    def cast(self, what: str, *args: Any) -> None:
        """Have something done; whether it was is not told."""
        if not self._gone:
            self._send(("cast", 0, what, args))

    def call(self, what: str, *args: Any) -> asyncio.Future[Any]:
        """Have something done and answered. The future raises what was raised there, or `Gone`."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._gone:
            answer.set_exception(Gone(f"the other end is gone: nobody answers `{what}`"))
            return answer
        number = next(self._numbers)
        self._pending[number] = answer
        self._send(("call", number, what, args))
        return answer

    def expect(self, what: str, *args: Any) -> asyncio.Future[Any]:
        """As `call`, for what nobody need wait for: a failure is logged here too, if it is not that nobody is there."""

        def settled(answer: asyncio.Future[Any]) -> None:
            if not answer.cancelled() and not isinstance(error := answer.exception(), Gone | None):
                log.error("the other end failed", what=what, why=str(error))

        answer = self.call(what, *args)
        answer.add_done_callback(settled)
        return answer

    def received(self, frame: Frame) -> None:
        """A frame came from the other end."""
        self._inbox.append(frame)
        if not self._paused:
            self._work()

    def lost(self) -> None:
        """The line broke: whoever waits for an answer is told, and what runs for the other end is stopped."""
        self._gone = True
        self._inbox.clear()
        for number in list(self._pending):
            self._settle(number, Gone("the other end is gone"))
        for task in self._tasks:
            task.cancel()

    def _work(self) -> None:
        self._paused = False
        while self._inbox:
            if self._told == CASTS_AT_ONCE:
                self._paused = True  # `_turned` goes on
                return
            kind, number, what, args = self._inbox.popleft()
            if kind == "cast":
                if not self._told:
                    asyncio.get_running_loop().call_soon(self._turned)
                self._told += 1
                self._cast(what, args)
            elif kind == "call":
                task = asyncio.create_task(self._serve(number, what, args))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                self._paused = self._beginning = True
                # After the first step of the call, which is in the loop's queue before us.
                asyncio.get_running_loop().call_soon(self._begun)
                return
            else:
                self._settle(number, args[0] if kind == "answer" else raised(*args))

    def _turned(self) -> None:
        """It is another turn of the loop than that of the last casts."""
        self._told = 0
        if self._paused and not self._beginning:
            self._work()

    def _begun(self) -> None:
        """The call that everything else waits for has begun."""
        self._beginning = False
        self._work()

    def _cast(self, what: str, args: tuple[Any, ...]) -> None:
        try:
            self._casts[what](*args)
        except Exception:
            log.exception("a cast failed", what=what)

    async def _serve(self, number: int, what: str, args: tuple[Any, ...]) -> None:
        try:
            result = await self._calls[what](*args)
        except Exception as error:
            if not isinstance(error, WireError | StoreUnavailable | StoreFenced):
                log.exception("a call failed", what=what)
            answer: Frame = ("refusal", number, what, refusal(error))
        else:
            answer = ("answer", number, what, (result,))
        if not self._gone:
            self._send(answer)

    def _settle(self, number: int, outcome: Any) -> None:
        answer = self._pending.pop(number, None)
        if answer is None or answer.done():
            return
        if isinstance(outcome, Exception):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)


def refusal(error: Exception) -> Refusal:
    """An error as plain data: most exceptions with fields of their own cannot be pickled."""
    if isinstance(error, WireError):
        fields = {name: getattr(error, name) for name in ("code", "message", "field", "room", "retry_after_s", "ref")}
        return "wire", fields
    kind = next((name for name, kind in _KINDS.items() if isinstance(error, kind)), "other")
    return kind, {"text": f"{type(error).__name__}: {error}"}


def raised(kind: str, fields: dict[str, Any]) -> Exception:
    """The error that became a `Refusal` of this kind."""
    if kind == "wire":
        return WireError(**fields)
    return _KINDS.get(kind, RuntimeError)(fields["text"])
