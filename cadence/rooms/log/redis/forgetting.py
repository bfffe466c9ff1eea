"""Somebody is to be forgotten: their name and id leave every room's keys, what was made for them alone goes.

Nobody reads all that was ever said for it. The house lists its rooms; of each, the ids by which saying is idempotent
tell what somebody said, `named` tells what names them, and `cited` which turns of others they stand in. Work goes a
step at a time, in an order in which it may be interrupted: what leads to the rest goes last, and what is done is found
done.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from cadence.rooms.log import HostAction, LogUnavailable, ReaderRecord, RoomState, SessionRecord, Traces
from cadence.rooms.log.redis.feed import Feed
from cadence.rooms.log.redis.keys import HOUSE, pair, prefix
from cadence.rooms.log.redis.speech import AMENDS_MAX, Citing, read, read_citing, read_turn
from cadence.rooms.log.rows import MARK_BYTES, SANCTIONS, cited, renamed_message, renamed_patch, renamed_turn
from cadence.rooms.wire import Turn, encode

SCANNED_AT_ONCE = 1_000  # fields that Redis looks at in one step
STEP_MESSAGES_MAX = 200  # renamed in one step
_GLOB = str.maketrans({char: f"\\{char}" for char in "\\*?[]^-"})

_read_action = msgspec.json.Decoder(HostAction).decode
_read_record = msgspec.json.Decoder(ReaderRecord).decode
_read_session = msgspec.json.Decoder(SessionRecord).decode
_Shown = tuple[str, str, int]  # room, reader and number of a turn


class Forgetting(Feed):
    """The part of the log that forgets people."""

    async def open_room(self, room: str) -> RoomState:
        state = await super().open_room(room)
        await self._link.call("list_room", HOUSE, room)
        return state

    async def said_by(self, user: str, limit: int) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        for room in await self._rooms():
            if len(found) < limit:
                found += [(room, seq) for seq in await self._said(room, user, erased=False)]
        return found[: max(limit, 0)]

    async def traces(self, user: str) -> Traces:
        found, shown = Traces(sessions=len(await self._sessions(user))), set[_Shown]()
        for room in await self._rooms():
            said = await self._said(room, user)
            shown |= await self._shown(room, said, user)
            turns, read = await self._link.call("reads", prefix(room), user)
            found += Traces(
                messages=len(said),
                mentions=len(await self._naming(room, user)),
                turns=turns,
                readers=read,
                cited=len(await self._following_of(room, user)),
            )
        for room in ("", *await self._rooms()):
            found += Traces(actions=len(await self._deeds(room, user)))
        return found + Traces(cited=len([one for one in shown if await self._stands_in(one, user)]))

    async def forget(self, user: str, alias: str) -> Traces:
        found = await self.traces(user)
        for room in ("", *await self._rooms()):
            for number, action in await self._deeds(room, user):
                await self._rename_deed(room, number, action, user, alias)
        for room in await self._rooms():
            said = await self._said(room, user)
            for one in sorted(await self._shown(room, said, user)):
                await self._amend(one, lambda turn: renamed_turn(turn, user, alias))
            await self._rename(room, sorted({*said, *await self._naming(room, user)}), user, alias)
            for reader, blob in await self._following_of(room, user):
                await self._link.call("swap_reader", prefix(room), reader, blob, _renamed_record(blob, user, alias))
            await self._drop_reader(room, user)
            await self._link.call("forgotten", prefix(room), user, alias)
        for key in await self._sessions(user):
            await self._link.call("drop_session", HOUSE, key, user)
        return found

    async def _rooms(self) -> list[str]:
        return sorted(room.decode() for room in await self._link.call("rooms", HOUSE))

    async def _said(self, room: str, user: str, erased: bool = True) -> list[int]:
        """The seqs of what `user` said, ascending; those that are erased too, if asked for."""
        pattern = f"{pair(user, '').translate(_GLOB)}*"
        cursor, seqs = b"0", set[int]()
        while True:
            cursor, *more = await self._link.call(
                "said_by", prefix(room), cursor, pattern, SCANNED_AT_ONCE, int(erased)
            )
            seqs.update(map(int, more))
            if cursor == b"0":
                return sorted(seqs)

    async def _naming(self, room: str, user: str) -> list[int]:
        """The seqs of what others said and the server marked as naming `user`."""
        seqs = [int(seq) for seq in await self._link.call("naming", prefix(room), user)]
        return [one.seq for one in await self.messages_at(room, seqs) if one.from_.id != user and user in one.mentions]

    async def _shown(self, room: str, seqs: Sequence[int], user: str) -> set[_Shown]:
        """The turns of others that cite any of `seqs`."""
        found: list[Citing] = []
        for start in range(0, len(seqs), STEP_MESSAGES_MAX):
            some = seqs[start : start + STEP_MESSAGES_MAX]
            found += [read_citing(one) for one in await self._link.call("citing", prefix(room), *some)]
        return {(there, reader, number) for _, there, reader, number in found if reader != user}

    async def _stands_in(self, one: _Shown, user: str) -> bool:
        return any(renamed_turn(turn, user, "") != turn for turn in await self.turns_at(one[0], one[1], [one[2]]))

    async def _following_of(self, room: str, user: str) -> list[tuple[str, bytes]]:
        """Others whose view follows `user`, or was set by them, with what is stored of them."""
        found = await self._link.call("all_readers", prefix(room))
        pairs = zip(found[::2], found[1::2], strict=True)
        others = [(reader.decode(), blob) for reader, blob in pairs if reader.decode() != user]
        return [(reader, blob) for reader, blob in others if _renamed_record(blob, user, "") != blob]

    async def _deeds(self, room: str, user: str) -> list[tuple[int, bytes]]:
        _, *found = await self._link.call("actions", prefix(room), "", 1 << 31)
        read = [(number, action, _read_action(action)) for number, action in enumerate(found, 1)]
        return [(number, action) for number, action, deed in read if user in (deed.by, deed.whom)]

    async def _rename_deed(self, room: str, number: int, action: bytes, user: str, alias: str) -> None:
        deed = _read_action(action)
        by, whom = (alias if one == user else one for one in (deed.by, deed.whom))
        held = (pair(deed.what, deed.whom), pair(deed.what, whom)) if deed.what in SANCTIONS else ("", "")
        after = msgspec.json.encode(replace(deed, by=by, whom=whom))
        await self._link.call("swap_action", prefix(room), number, action, after, *held)

    async def _rename(self, room: str, seqs: Sequence[int], user: str, alias: str) -> None:
        """Let `alias` stand in these messages. One that was erased meanwhile is read again."""
        for start in range(0, len(seqs), STEP_MESSAGES_MAX):
            left = seqs[start : start + STEP_MESSAGES_MAX]
            for _ in range(AMENDS_MAX):
                epoch, *values = await self._link.call("at", prefix(room), *left)
                changes: list[object] = []
                for value in values:
                    before = read(value, epoch.decode())
                    after = renamed_message(before, user, alias)
                    body = encode(msgspec.structs.replace(after, seq=0, at="", epoch=""))
                    own = before.from_.id == user
                    marks = (pair(user, before.id), pair(alias, after.id)) if own else ("", "")
                    # The mark was of the text they said: another that nothing matches takes its place.
                    changes += [before.seq, value, body, *marks, secrets.token_bytes(MARK_BYTES).hex()]
                left = [int(seq) for seq in await self._link.call("rename", prefix(room), *changes)]
                if not left:
                    break
            else:
                raise LogUnavailable("expected to rename messages, but they went on changing: forget again")

    async def _amend(self, one: _Shown, change: Callable[[Turn], Turn]) -> None:
        room, reader, number = one
        for _ in range(AMENDS_MAX):
            stored = await self._link.call("turns_at", prefix(room), reader, number)
            if not stored or (after := encode(change(read_turn(stored[0])))) == stored[0]:
                return
            if await self._link.call("amend", prefix(room), reader, number, stored[0], after, ""):
                return
        raise LogUnavailable(f"expected to change turn {number} of `{reader}`, but it went on changing: forget again")

    async def _drop_reader(self, room: str, user: str) -> None:
        """What was made for `user` alone goes, and before it what leads there from the messages it cites."""
        after = 0
        while turns := await self.turns(room, user, after=after, limit=STEP_MESSAGES_MAX):
            after = turns[-1].turn
            for turn in turns:
                for there, seq in sorted(cited(turn)):
                    citing: Citing = (seq, room, user, turn.turn)
                    await self._link.call("uncite", prefix(there), msgspec.json.encode(citing))
        await self._link.call("drop_reader", prefix(room), user)

    async def _sessions(self, user: str) -> list[bytes]:
        """The keys of all sessions that `user` has."""
        found = await self._link.call("all_sessions", HOUSE)
        pairs = zip(found[::2], found[1::2], strict=True)
        return [key for key, session in pairs if _read_session(session).user == user]


def _renamed_record(blob: bytes, user: str, alias: str) -> bytes:
    """A stored reader who follows `user` no longer, and whose view `alias` set where it was `user`."""
    record = _read_record(blob)
    after = replace(
        record, patch=renamed_patch(record.patch, user), set_by=alias if record.set_by == user else record.set_by
    )
    return blob if after == record else msgspec.json.encode(after)
