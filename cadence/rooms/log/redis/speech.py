"""What was said: appending, pages, redaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import msgspec

from cadence.rooms.log import Appended, Draft, LogUnavailable, RoomState
from cadence.rooms.log.redis.appends import Appends, Packed, Sent
from cadence.rooms.log.redis.keys import pair, prefix
from cadence.rooms.log.redis.rooms import Opened, Rooms
from cadence.rooms.log.rows import conflict, fingerprint, to_message, unknown_room
from cadence.rooms.wire import Message, Turn, encode, to_iso

PAGE_MESSAGES_MAX = 1_000  # read in one call of a script
ERASE_MESSAGES_MAX = 200  # erased in one call of a script
AMENDS_MAX = 16  # tries to empty one turn that other redactions change meanwhile

Citing = tuple[int, str, str, int]  # seq, and the turn that cites it: room, user, number

_read_message = msgspec.json.Decoder(Message).decode
read_citing = msgspec.json.Decoder(Citing).decode
read_turn = msgspec.json.Decoder(Turn).decode


def read(value: bytes, epoch: str) -> Message:
    """A message from the value stored of it: SEQ:AT_MS:BODY. Its epoch is the room's, whatever it was said in."""
    seq, at, body = value.split(b":", 2)
    return msgspec.structs.replace(_read_message(body), seq=int(seq), at=to_iso(int(at) / 1000), epoch=epoch)


class Speech(Rooms):
    """The part of the log that every room has."""

    def __init__(self, url: str, clock: Callable[[], float], node: str | None = None) -> None:
        super().__init__(url, clock, node)
        self._appends = Appends(self._send)

    async def open_room(self, room: str) -> RoomState:
        state = await super().open_room(room)
        unfinished = await self._link.call("unfinished", self._prefix(room))
        await self._erase(room, [int(seq) for seq in unfinished])  # whoever began it did not live to end it
        return state

    def append(self, draft: Draft) -> Awaitable[Appended]:
        try:
            opened = self._opened.get(draft.room)
            if opened is None:
                raise unknown_room(draft.room)
            said = pair(draft.author.id, draft.id)
            blank = msgspec.structs.replace(to_message(draft, "", 0, 0.0), at="")
            mark, at = fingerprint(opened.salt, draft).hex(), round(draft.at * 1000)
            packed: Packed = (said, mark, at, encode(blank).decode(), draft.author.id, draft.mentions)
        except Exception as error:
            refused: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
            refused.set_exception(error)
            return refused
        return self._appends.put(draft.room, packed, partial(self._appended, opened, draft, said, blank))

    def _appended(self, opened: Opened, draft: Draft, said: str, blank: Message, answer: bytes) -> Appended:
        """What Redis answered to `draft`."""
        place, _, rest = answer.partition(b"|")
        epoch, duplicate = place.decode(), rest[:1] == b"="
        if rest == b"-":
            raise conflict(draft)
        if duplicate:
            message = read(rest[1:], epoch)
        else:
            seq, at, _ = rest[1:].split(b":")
            message = msgspec.structs.replace(blank, seq=int(seq), at=to_iso(int(at) / 1000), epoch=epoch)
        if epoch == opened.epoch:
            opened.witness(message.seq, said)
            if not duplicate:
                opened.answered(message.seq)
        return Appended(message, duplicate)

    async def _send(self, batches: Mapping[str, list[Packed]]) -> Sent:
        calls = [(self._prefix(room), (msgspec.msgpack.encode(batch),)) for room, batch in batches.items()]
        answers = await self._link.call_each("append", calls)
        return {
            room: answer if isinstance(answer, Exception) else [answer[0] + b"|" + each for each in answer[1:]]
            for room, answer in zip(batches, answers, strict=True)
        }

    async def messages(
        self, room: str, *, after: int | None = None, before: int | None = None, limit: int
    ) -> list[Message]:
        found: list[Message] = []
        while True:
            size = max(min(limit - len(found), PAGE_MESSAGES_MAX), 0)
            page = await self._page(room, after, before, size)
            found = found + page if after is not None else page + found
            if len(page) < PAGE_MESSAGES_MAX or len(found) >= limit:
                return found
            after, before = (page[-1].seq, before) if after is not None else (None, page[0].seq)

    async def _page(self, room: str, after: int | None, before: int | None, limit: int) -> list[Message]:
        ends = ("" if after is None else max(after, 0), "" if before is None else before)
        epoch, *values = await self._link.call("page", self._prefix(room), *ends, limit)
        return [read(value, epoch.decode()) for value in values]

    async def messages_at(self, room: str, seqs: Sequence[int]) -> list[Message]:
        wanted = sorted({seq for seq in seqs if seq > 0})
        found: list[Message] = []
        for start in range(0, len(wanted), PAGE_MESSAGES_MAX):
            epoch, *values = await self._link.call("at", self._prefix(room), *wanted[start : start + PAGE_MESSAGES_MAX])
            found += [read(value, epoch.decode()) for value in values]
        return found

    async def redact(self, room: str, seq: int) -> bool:
        return bool(await self.erase(room, [seq]))

    async def erase(self, room: str, seqs: Sequence[int]) -> list[int]:
        """See `Log`; one step for each `ERASE_MESSAGES_MAX`."""
        return await self._erase(room, seqs)

    async def redacted_seqs(self, room: str, after: int, to: int) -> list[int]:
        return [int(seq) for seq in await self._link.call("gone", self._prefix(room), f"({after}", to)]

    async def state(self, room: str) -> RoomState | None:
        """The room's epoch and head, None if it was never opened."""
        _, _, epoch, head = await self._link.call("stand", self._prefix(room))
        return RoomState(epoch.decode(), int(head)) if epoch else None

    async def _erase(self, room: str, seqs: Sequence[int]) -> list[int]:
        wanted, fresh = sorted(set(seqs)), list[int]()
        for start in range(0, len(wanted), ERASE_MESSAGES_MAX):
            fresh += await self._erase_some(room, wanted[start : start + ERASE_MESSAGES_MAX])
        return fresh

    async def _erase_some(self, room: str, seqs: Sequence[int]) -> list[int]:
        found = await self.messages_at(room, seqs)
        if not found:
            return []
        blanks = [encode(msgspec.structs.replace(message.erased(), seq=0, at="", epoch="")) for message in found]
        pairs = (each for message, blank in zip(found, blanks, strict=True) for each in (message.seq, blank))
        count, *answers = await self._link.call("redact", self._prefix(room), *pairs)
        for one in answers[count:]:
            seq, there, user, number = read_citing(one)
            await self._empty(room, seq, there, user, number)
        await self._link.call("finished", self._prefix(room), *(message.seq for message in found))
        return [int(seq) for seq in answers[:count]]

    async def _empty(self, room: str, seq: int, there: str, user: str, number: int) -> None:
        """Take what cites the message out of one stored turn, and keep it out of one that is being stored."""
        elsewhere = pair(room, str(seq)) if there != room else ""
        for _ in range(AMENDS_MAX):
            stored = await self._link.call("turns_at", prefix(there), user, number)
            bodies = [(body, encode(read_turn(body).without([(room, seq)]))) for body in stored] or [(b"", b"")]
            if await self._link.call("amend", prefix(there), user, number, *bodies[0], elsewhere):
                return
        raise LogUnavailable(f"expected to empty turn {number} of `{user}`, but it went on changing: redact again")
