"""A mediator that withholds what agents say and writes down what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from collections.abc import Set as AbstractSet

from msgspec import UNSET, Struct

from cadence.rooms.mediation import Attached, StoreUnavailable
from cadence.rooms.wire import (
    After,
    Alex,
    Ask,
    Behind,
    Member,
    Message,
    Read,
    Turn,
    View,
    ViewPatch,
    ViewReply,
    ViewRequest,
    to_iso,
)


def alex(room: str, messages: int) -> Alex:
    return Alex(room=room, state="idle", behind=Behind(messages, 0, 0.0))


def answer(room: str, number: int) -> Turn:
    return Turn(room=room, turn=number, at=to_iso(0.0), mode="answer", covers=None, words=0, segments=(), by="embedded")


class FakeMediation:
    """Humans read through it: AI speech is withheld from them, of what they missed comes `backfill`."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.readers: dict[tuple[str, str], int] = {}
        self.backfill: list[list[Struct]] = []
        self.gate: asyncio.Event | None = None  # when set, `attach` waits for it
        self.failure: Exception | None = None

    async def attach(
        self, room: str, member: Member, after: After | None, patch: ViewPatch | None, head: int
    ) -> Attached:
        self.calls.append(("attach", room, member.id, after, patch, head))
        self.readers[room, member.id] = self.readers.get((room, member.id), 0) + 1
        try:
            if self.gate is not None:
                await self.gate.wait()
            if self.failure is not None:
                raise self.failure
        except BaseException:
            self.readers[room, member.id] -= 1
            raise
        mode = patch.mode if patch is not None and patch.mode is not UNSET else "paraphrase"
        return Attached(View(mode=mode), recovered=after is None or after.epoch != "other", backfill=self._backfill())

    async def _backfill(self) -> AsyncIterator[Sequence[Struct]]:
        for batch in self.backfill:
            if not batch:
                raise StoreUnavailable("the log cannot be read")
            yield batch

    def detach(self, room: str, user: str) -> None:
        self.calls.append(("detach", room, user))
        self.readers[room, user] -= 1

    def posted(self, message: Message) -> AbstractSet[str]:
        if self.failure is not None:
            raise self.failure
        if message.from_.kind == "human":
            return frozenset()
        return {user for (room, user), count in self.readers.items() if room == message.room and count}

    def redacted(self, room: str, seq: int) -> None:
        self.calls.append(("redacted", room, seq))

    def allowed(self, user: str) -> None:
        self.calls.append(("allowed", user))

    async def forget_reader(self, user: str) -> None:
        self.calls.append(("forget_reader", user))

    async def set_view(self, by: Member, request: ViewRequest) -> ViewReply:
        if self.failure is not None:
            raise self.failure
        cadence = request.cadence_s if request.cadence_s is not UNSET else 5.0
        user = request.participant or by.id
        return ViewReply(room=request.room, participant=user, view=View(cadence_s=cadence), locked=(), set_by=by.id)

    async def ask(self, by: Member, request: Ask, deliver: Callable[[Turn], None]) -> None:
        self.calls.append(("ask", by.id, request.what))
        if self.failure is not None:
            raise self.failure
        deliver(answer(request.room, len(self.told("ask"))))

    def read(self, user: str, request: Read) -> None:
        self.calls.append(("read", user, request.turn))

    def opened(self, room: str, user: str, seqs: Sequence[int]) -> None:
        self.calls.append(("opened", room, user, list(seqs)))

    def told(self, what: str) -> list[tuple[object, ...]]:
        """The calls of one kind, without its name."""
        return [call[1:] for call in self.calls if call[0] == what]
