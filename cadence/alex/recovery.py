"""Coming back after a cut: what a returning reader is owed (protocol rule 5).

Let U be the first seq that neither a turn nor a raw range of the reader accounts for. What lies before U is
replayed from the log as it was sent; U to the head goes by the mode of the return: raw as messages,
otherwise through the mediator, in one catch-up turn if the reader was away for long.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import msgspec

from cadence.lod.budget import Bucket
from cadence.lod.units import UNIT_WORDS_MAX
from cadence.rooms.mediation import Balance, ReaderRecord, ReaderStore
from cadence.rooms.wire import After, Message, Redacted, Turn, View, from_iso

PAGE_MESSAGES = 200
RAW_MISSING_MAX = 10_000  # more than this is reloaded through history
REDACTED_LOOKBACK_SEQS = 10_000
TURNS_REPLAYED_MAX = 200
BUCKET_TURNS = 64  # turns from which the credit is reckoned again
AWAY_SECONDS = 30.0  # from this absence on, what was missed comes as one catch-up turn


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a reader goes on. `first` is U; `replay` whether what lies before it is sent again."""

    first: int
    replay: bool
    recovered: bool


def plan(record: ReaderRecord, after: After | None, epoch: str, head: int, mode: str) -> Plan:
    """Decide how the reader of `record` goes on from `after` at `head`."""
    if after is None:
        return Plan(head + 1, replay=False, recovered=True)
    if after.epoch != epoch or after.seq > head:
        return Plan(head + 1, replay=False, recovered=False)
    known = record.run_from > 0 and record.raw_from is None
    first = record.covered_to + 1 if known else after.seq + 1
    if mode == "raw" and head - first + 1 > RAW_MISSING_MAX:
        return Plan(head + 1, replay=False, recovered=False)
    return Plan(first, replay=True, recovered=True)


def bucket_after(balance: Balance | None, turns: Sequence[Turn], view: View, now: float) -> Bucket:
    """The bucket as it stands after these stored turns, oldest first; `view` has been in force since `balance`.

    Reckoned from the log, so that neither a restart nor a quick return refills it (law 2 holds over both). Without a
    balance, or where turns since then are not among these, it is full before the first of them.
    """
    unpaid = [turn for turn in turns if balance is None or turn.turn > balance.turn]
    whole = balance is not None and (not unpaid or unpaid[0].turn == balance.turn + 1)
    since = balance.at if balance is not None and whole else from_iso(unpaid[0].at) if unpaid else now
    bucket = Bucket(view.pace_wpm, view.cadence_s, min(since, now))
    if balance is not None and whole:
        bucket.credit = min(balance.words, bucket.credit_max)
    for turn in unpaid:
        bucket.advance(min(from_iso(turn.at), now))  # another server's clock may be ahead
        if turn.mode in ("catch_up", "answer"):
            bucket.settle()
        elif turn.words:  # an empty turn needs no credit, and tells of none
            # Before it there was credit, whatever the pace was then: only the last thing in it may have overdrawn.
            debt_max = turn.words if turn.mode == "paced" else min(turn.words, 2 * UNIT_WORDS_MAX)
            bucket.spend(min(turn.words, bucket.credit + debt_max))
    bucket.advance(now)
    return bucket


async def balance_of(store: ReaderStore, room: str, user: str, record: ReaderRecord, view: View, now: float) -> Balance:
    """What a reader whom nobody mediates could be shown now; `view` has been in force since the record was saved."""
    turns = await store.turns(room, user, before=record.turn + 1, limit=BUCKET_TURNS)
    return Balance(bucket_after(record.balance, turns, view, now).credit, now, record.turn)


async def turns_owed(
    store: ReaderStore, room: str, user: str, after: After, to_turn: int, *, elsewhere: bool = False
) -> AsyncIterator[list[msgspec.Struct]]:
    """`redacted` frames, then the stored turns above `after.turn` up to `to_turn`.

    `elsewhere`: the turns may cite other rooms, and so may the turns that the client holds.
    """
    turns = await store.turns(room, user, before=to_turn + 1, limit=TURNS_REPLAYED_MAX)
    turns = [one for one in turns if one.turn > (after.turn or 0)]
    frames = await _redactions(store, room, after, turns)
    if elsewhere:
        held = await store.turns(room, user, before=(after.turn or 0) + 1, limit=TURNS_REPLAYED_MAX)
        frames += _redacted_elsewhere([*held, *turns])
    yield frames
    yield list(turns)


async def messages_owed(
    store: ReaderStore, room: str, user: str, after: int, *, raw_from: int, to: int
) -> AsyncIterator[list[msgspec.Struct]]:
    """The messages of after < seq <= to that go to the reader as `message`.

    From `raw_from` on that is all of them; before it human speech that was not postponed, and raw ranges.
    """
    raw_ranges = await store.raw_ranges(room, user, after)
    postponed = set(await store.postponed(room, user, after))

    def owed(message: Message) -> bool:
        if message.seq >= raw_from or any(first <= message.seq <= last for first, last in raw_ranges):
            return True
        return message.from_.kind == "human" and message.seq not in postponed

    async for page in pages(store, room, after, to):
        yield [message for message in page if owed(message)]


async def pages(store: ReaderStore, room: str, after: int, to: int) -> AsyncIterator[list[Message]]:
    """The messages of after < seq <= to, page by page."""
    while after < to:
        page = await store.messages(room, after=after, limit=min(PAGE_MESSAGES, to - after))
        if not page:
            return
        yield page
        after = page[-1].seq


async def _redactions(store: ReaderStore, room: str, after: After, turns: Sequence[Turn]) -> list[msgspec.Struct]:
    """`redacted` frames for what the client may still hold, or is about to see cited."""
    cited = {seq for turn in turns for segment in turn.at_home() for seq in segment.sources}
    first = max(0, min([after.seq - REDACTED_LOOKBACK_SEQS, *(seq - 1 for seq in cited)]))
    gone = await store.redacted_seqs(room, first, max([after.seq, *cited]))
    recent = after.seq - REDACTED_LOOKBACK_SEQS
    return [Redacted(room=room, seq=seq, by="") for seq in gone if seq in cited or recent <= seq <= after.seq]


def _redacted_elsewhere(turns: Sequence[Turn]) -> list[msgspec.Struct]:
    """`redacted` frames for what these turns cite of other rooms and is gone; the log has emptied it already."""
    gone = {
        (turn.room_of(segment), seq): None
        for turn in turns
        for segment in turn.segments
        if segment.redacted is True and turn.room_of(segment) != turn.room
        for seq in segment.sources
    }
    return [Redacted(room=room, seq=seq, by="") for room, seq in gone]
