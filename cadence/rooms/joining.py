"""Entering a room: what `joined` says, then what was missed, then the live frames (protocol rule 5)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, UnsetType

from cadence.rooms.connection import Batches, Connection
from cadence.rooms.hub import Hub
from cadence.rooms.log import Log, LogUnavailable
from cadence.rooms.mediation import Attached
from cadence.rooms.openroom import OpenRoom
from cadence.rooms.room import MEMBERS_SHOWN_MAX
from cadence.rooms.wire import After, Join, Joined, Redacted, View, ViewPatch, WireError

ROOMS_MAX = 64  # joined by one connection
REPLAY_MESSAGES_MAX = 10_000
REPLAY_PAGE_MESSAGES = 64  # read at once: at most 4 MiB, as a message is at most one frame of 64 KiB
REDACTED_PAGE_SEQS = 500


async def join(hub: Hub, connection: Connection, request: Join) -> None:
    """Answer `join`. Live frames of the room are held from here until what was missed has been queued."""
    room = hub.find(request.room, connection.member)
    name = room.info.room
    if connection not in room and len(connection.rooms) >= ROOMS_MAX:
        raise WireError("conflict", f"expected at most {ROOMS_MAX} rooms joined: leave one first", room=name)
    after = None if isinstance(request.after, UnsetType) else request.after
    if after is not None and hub.peers is not None and after.epoch == room.epoch:
        await _level(hub, room, after.seq)
    fresh = hub.enter(connection, room)
    replays = fresh or after is not None
    if replays:
        connection.hold(name)
    head = room.head
    try:
        attached = await _attach(hub, connection, room, after, request.view, head)
    except BaseException:
        if fresh:
            hub.leave(connection, name, attached=False)
        elif replays:
            connection.release(name)
        raise
    if not fresh:
        _detach_once(hub, connection, name)
    if after is not None:
        if attached.recovered:
            hub.counts.recovered += 1
        else:
            hub.counts.reloads += 1
    members = room.members()
    connection.reply(
        Joined(
            ref=request.ref,
            room=name,
            title=room.info.title,
            epoch=room.epoch,
            head=head,
            recovered=attached.recovered,
            members=members[:MEMBERS_SHOWN_MAX],
            member_count=len(members),
            view=None if connection.member.kind == "agent" else attached.view,
        )
    )
    if replays:
        connection.feed(name, attached.backfill)


async def _level(hub: Hub, room: OpenRoom, to: int) -> None:
    """Hear what other nodes have told a client already, lest it be taken for one of another epoch."""
    try:
        await hub.level(room, to)
    except LogUnavailable as error:
        message = f"the room cannot be joined just now ({error}); try again in a few seconds"
        raise WireError("unavailable", message, room=room.info.room, retry_after_s=5.0) from error


async def _attach(
    hub: Hub, connection: Connection, room: OpenRoom, after: After | None, view: ViewPatch | UnsetType, head: int
) -> Attached:
    if hub.mediation is not None and connection.member.kind == "human":
        patch = None if isinstance(view, UnsetType) else view
        return await hub.mediation.attach(room.info.room, connection.member, after, patch, head)
    recovered = after is None or can_replay(after, room.epoch, head)
    seq = after.seq if after is not None and recovered else head
    backfill = raw_backfill(hub.store, room.info.room, seq, head, told=after is not None and recovered)
    return Attached(View(mode="raw"), recovered, backfill)


def _detach_once(hub: Hub, connection: Connection, room: str) -> None:
    # Joining again attached this connection a second time; there is one `detach` for each.
    if hub.mediation is not None and connection.member.kind == "human":
        hub.mediation.detach(room, connection.member.id)


def can_replay(after: After, epoch: str, head: int) -> bool:
    """Whether all that a raw receiver missed can be sent; if not it reloads through `history`."""
    return after.epoch == epoch and 0 <= head - after.seq <= REPLAY_MESSAGES_MAX


async def raw_backfill(store: Log, room: str, after: int, head: int, told: bool) -> Batches:
    """What a raw receiver missed: redactions of what it has (if `told`), then after < seq <= head, in batches."""
    if told:
        gone = await store.redacted_seqs(room, max(0, after - REPLAY_MESSAGES_MAX - 1), after)
        for start in range(0, len(gone), REDACTED_PAGE_SEQS):
            # Who redacted is not kept: the fact is enough to erase.
            yield [Redacted(room=room, seq=seq, by="") for seq in gone[start : start + REDACTED_PAGE_SEQS]]
    while after < head:
        limit = min(REPLAY_PAGE_MESSAGES, head - after)
        page: Sequence[Struct] = await store.messages(room, after=after, limit=limit)
        if len(page) < limit:
            raise LookupError(f"expected {limit} messages of `{room}` after {after}, the log has {len(page)}")
        yield page
        after += limit
