"""Turns on their way from a worker into the log and to their readers: each crosses the line once.

A turn is stored before it is told. It used to be sent twice, each time in a frame of its own, and the server made a
task for each. Now all turns of one turn of the worker's loop, those of a block of readers who looked together, are one
call, so that the log gets them together and they share a commit; and the near end keeps what it stored until it hears
that it may be told. Each reader has one turn under way; an answer to a question may come beside it, so answers, which
are rare, cross whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

import msgspec
import structlog

from cadence.alex.remote.peer import Peer, Refusal, raised, refusal
from cadence.rooms.mediation import ReaderStore, StoreFenced, StoreUnavailable
from cadence.rooms.wire import Turn

TURNS_AT_ONCE_MAX = 32  # in one frame of the line: what a message waits for in the loop, and in the log's thread
Appending = tuple[str, Turn, bytes | None]  # user, turn, what is carried

log = structlog.get_logger(__name__)


class TurnsAway:
    """The far end. `peer` leads to a `TurnDesk`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._turns: list[Appending] = []  # Bounded by the readers: each has one turn under way
        self._answers: list[asyncio.Future[None]] = []
        self._stored: dict[tuple[str, str], Turn] = {}  # by room and user, and not told yet

    def append(self, user: str, turn: Turn, carried: bytes | None) -> asyncio.Future[None]:
        """See `Log.append_turn`; the future raises what was raised there, or `Gone`."""
        loop = asyncio.get_running_loop()
        if not self._turns:
            loop.call_soon(self._send)
        answer: asyncio.Future[None] = loop.create_future()
        self._turns.append((user, turn, carried))
        self._answers.append(answer)
        return answer

    def told(self, user: str, frame: msgspec.Struct) -> msgspec.Struct | int:
        """What to tell the near end for `frame`: the number of a turn that it has, else the frame."""
        if not isinstance(frame, Turn) or frame.mode == "answer":
            return frame
        return frame.turn if self._stored.pop((frame.room, user), None) is frame else frame

    def _send(self) -> None:
        waiting, answers = self._turns, self._answers
        self._turns, self._answers = [], []
        for first in range(0, len(waiting), TURNS_AT_ONCE_MAX):
            turns = waiting[first : first + TURNS_AT_ONCE_MAX]
            settle = partial(self._settle, turns, answers[first : first + TURNS_AT_ONCE_MAX])
            self._peer.call("append_turns", turns).add_done_callback(settle)

    def _settle(
        self,
        turns: Sequence[Appending],
        answers: Sequence[asyncio.Future[None]],
        call: asyncio.Future[Sequence[Refusal | None]],
    ) -> None:
        failed = call.exception()
        refused = [None] * len(turns) if failed is not None else call.result()
        for (user, turn, _), answer, why in zip(turns, answers, refused, strict=True):
            if failed is None and why is None and turn.mode != "answer":
                self._stored[turn.room, user] = turn
            if answer.done():  # its caller was cancelled
                continue
            if failed is not None:
                answer.set_exception(type(failed)(*failed.args))
            elif why is not None:
                answer.set_exception(raised(*why))
            else:
                answer.set_result(None)


class TurnDesk:
    """The near end: stores turns in `store`, and keeps them until they are told."""

    def __init__(self, store: ReaderStore) -> None:
        self._store = store
        self._stored: dict[tuple[str, str], Turn] = {}  # by room and user. Bounded by the turns under way

    async def append(self, turns: Sequence[Appending]) -> list[Refusal | None]:
        """Store these; returns for each why it was refused, or None."""
        calls = [self._store.append_turn(*each) for each in turns]
        found: list[Refusal | None] = []
        for (user, turn, _), outcome in zip(turns, await asyncio.gather(*calls, return_exceptions=True), strict=True):
            if isinstance(outcome, Exception):
                if not isinstance(outcome, StoreUnavailable | StoreFenced):
                    log.error("a turn was refused", room=turn.room, why=str(outcome))
                found.append(refusal(outcome))
            else:
                if turn.mode != "answer":
                    self._stored[turn.room, user] = turn
                found.append(None)
        return found

    def told(self, room: str, user: str, frame: msgspec.Struct | int) -> msgspec.Struct:
        """What `TurnsAway.told` stands for."""
        if isinstance(frame, int):
            turn = self._stored.pop((room, user))
            assert turn.turn == frame, f"expected turn {turn.turn} of `{user}` to be told, got {frame}"
            return turn
        if isinstance(frame, Turn) and frame.mode != "answer":
            self._stored.pop((room, user), None)
        return frame

    def clear(self) -> None:
        """The worker is gone."""
        self._stored.clear()
