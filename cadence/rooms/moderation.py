"""What a host may do to others in a room: mute, kick, ban. Each is in the audit log before it has an effect.

    mute    `say` is refused while it lasts
    kick    the connections in the room are closed with 4010; with `for_s` they cannot come back to it meanwhile
    ban     closed with 4011, and nobody comes back to the room under this id; a guest cannot resume either

`for_s` 0 ends a mute or a ban at once; without it they last until a host ends them.
"""

from __future__ import annotations

from msgspec import UNSET

from cadence.rooms.connection import Connection
from cadence.rooms.hub import Hub
from cadence.rooms.identity import HOST
from cadence.rooms.log import HostAction
from cadence.rooms.mediation import Mediation
from cadence.rooms.openroom import OpenRoom
from cadence.rooms.standing import Sanction
from cadence.rooms.wire import (
    CLOSE_BANNED,
    CLOSE_KICKED,
    Ban,
    Kick,
    Member,
    Mute,
    Ok,
    ViewReply,
    ViewRequest,
    WireError,
)

_WHAT: dict[type[Mute | Kick | Ban], Sanction] = {Mute: "mute", Kick: "kick", Ban: "ban"}


async def moderate(hub: Hub, connection: Connection, request: Mute | Kick | Ban) -> None:
    """Answer `mute`, `kick` or `ban`; raises `WireError`."""
    room = hub.joined(connection, request.room)
    what, whom = _WHAT[type(request)], request.participant
    if connection.member.role != "host":
        raise WireError("forbidden", f"only a host may {what} somebody")
    member = room.member(whom)
    if whom == HOST or (member is not None and member.role == "host"):
        raise WireError("forbidden", "a host cannot be shut out or silenced", field="participant")
    if member is None and (what == "kick" or not await _was_here(hub, room, whom)):
        raise WireError("not_found", f"expected somebody of this room, got `{whom[:64]}`", field="participant")
    now = hub.clock()
    action = HostAction(now, connection.member.id, what, room.info.room, whom, _until(what, request.for_s, now))
    await hub.own(_enforce(hub, room, action))
    connection.reply(Ok(ref=request.ref, room=request.room))


async def _was_here(hub: Hub, room: OpenRoom, user: str) -> bool:
    """Whether `user`, who is not here now, spoke or read here, or is kept from it: what was misspelt hits nobody."""
    now = hub.clock()
    held = room.standing.muted_s(user, now) > 0 or room.standing.out_s(user, now) > 0
    return held or await hub.store.knows(room.info.room, user)


async def _enforce(hub: Hub, room: OpenRoom, action: HostAction) -> None:
    await hub.store.record(action)
    acted(hub, room, action)


def acted(hub: Hub, room: OpenRoom, action: HostAction) -> None:
    """A host has muted, kicked or banned somebody, here or at another node: from now on it holds."""
    if action.what not in ("mute", "kick", "ban"):
        return
    now = hub.clock()
    room.standing.set(action.what, action.whom, action.until, now)
    if action.what == "mute" or (action.what == "ban" and room.standing.out_s(action.whom, now) == 0.0):
        return
    banned = action.what == "ban"
    code, reason = (CLOSE_BANNED, "banned by a host") if banned else (CLOSE_KICKED, "asked to leave by a host")
    for theirs in room.connections(action.whom):
        theirs.close(code, reason)


def _until(what: Sanction, for_s: object, now: float) -> float | None:
    if isinstance(for_s, float | int):
        return now + for_s
    return now if what == "kick" and for_s is UNSET else None


async def set_view(hub: Hub, mediation: Mediation, by: Member, request: ViewRequest) -> ViewReply:
    """Change a view as asked; what a host sets for another is written into the audit log. Raises `WireError`."""
    changed = [*request.fields(), *(["lock"] if request.lock is not UNSET else [])]
    if by.role != "host" or not changed or request.participant in (UNSET, by.id):
        return await mediation.set_view(by, request)
    return await hub.own(_set_anothers(hub, mediation, by, request, f"set {', '.join(changed)}"))


async def _set_anothers(hub: Hub, mediation: Mediation, by: Member, request: ViewRequest, note: str) -> ViewReply:
    reply = await mediation.set_view(by, request)
    await hub.store.record(HostAction(hub.clock(), by.id, "view", reply.room, reply.participant, note=note))
    return reply
