"""A message on its way through the log: who said it, who is to be answered, and with what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from msgspec import UnsetType

from cadence.rooms.connection import Connection
from cadence.rooms.log import Draft, LogConflict, LogUnavailable
from cadence.rooms.openroom import OpenRoom
from cadence.rooms.wire import Message, Said, WireError

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Speech:
    """What somebody says in `room`. `asked` is the connection that said it, if one did, with the `ref` it gave."""

    room: OpenRoom
    draft: Draft
    ref: str | UnsetType
    answer: asyncio.Future[Said]
    asked: tuple[Connection, str | UnsetType] | None
    waits: bool = False  # `asked` is who will be told `said` when the message is published

    def begin(self) -> None:
        """It goes to the log: of all connections that say the same meanwhile the first will be told `said`."""
        self.room.appending += 1
        if self.asked is not None:
            self.waits = self.room.speaking.setdefault(self._key, self.asked) is self.asked

    def failed(self) -> None:
        """The log did not take it: nobody is told `said`."""
        if self._is_first():
            del self.room.speaking[self._key]

    def repeated(self, said: Said) -> None:
        """It was said before, and nothing will be published: tell whoever asked."""
        if self.asked is not None and (not self.waits or self._is_first()):
            if self.waits:
                del self.room.speaking[self._key]
            self.asked[0].reply(said)

    def settle(self, outcome: Said | BaseException) -> None:
        """Give whoever waits what became of it; they may have been cut."""
        if self.answer.done():
            return
        if isinstance(outcome, Said):
            self.answer.set_result(outcome)
        elif isinstance(outcome, asyncio.CancelledError):
            self.answer.cancel()
        else:
            if not isinstance(outcome, WireError):
                log.error("work failed", error=type(outcome).__name__, exc_info=outcome)
            self.answer.set_exception(outcome)

    @property
    def _key(self) -> tuple[str, str]:
        return self.draft.author.id, self.draft.id

    def _is_first(self) -> bool:
        return self.waits and self.room.speaking.get(self._key) is self.asked


def refusal(draft: Draft, error: BaseException, shared: bool, refused: Callable[[], None]) -> BaseException:
    """What a speaker is told when the log did not take `draft`; `refused` is called if the log is the cause.

    Where servers share a log, one that did not answer may have kept the message all the same.
    """
    if isinstance(error, LogConflict):
        return WireError("conflict", f"`{draft.id}` was said before with other content: use a new id", field="id")
    if isinstance(error, LogUnavailable):
        refused()
        kept = "the message may not be kept" if shared else "the message was not kept and nobody saw it"
        return WireError("unavailable", f"{kept}: say it again with the same id", retry_after_s=1.0)
    return error


def said_of(message: Message, ref: str | UnsetType) -> Said:
    """`said` for whoever said `message`."""
    return Said(ref=ref, room=message.room, id=message.id, seq=message.seq, epoch=message.epoch, at=message.at)
