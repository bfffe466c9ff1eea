"""Letting somebody into a private room, and out of it again; who may read a room. For hosts."""

from __future__ import annotations

from dataclasses import dataclass

from cadence.rooms.hub import Hub
from cadence.rooms.identity import Identity
from cadence.rooms.invitations import INVITED_MAX, Invitation
from cadence.rooms.log import HostAction
from cadence.rooms.openroom import OpenRoom
from cadence.rooms.tokens import Made
from cadence.rooms.wire import CLOSE_KICKED, Member, WireError
from cadence.rooms.wire.hosting import Invite, NewToken


@dataclass(frozen=True, slots=True)
class Invited:
    """Who was invited, and the token made for them if they are new."""

    invitation: Invitation
    made: Made | None


async def invite(hub: Hub, identity: Identity, by: Member, room: OpenRoom, asked: Invite) -> Invited:
    """Invite a user who is known, or somebody new, who gets a token. Raises `WireError`."""
    invited = await hub.invitations.of(room.info.room)
    if len(invited) >= INVITED_MAX:
        raise WireError("unavailable", f"expected at most {INVITED_MAX} invited to a room: let some go first")
    made = None
    if isinstance(asked.user, str):
        member = identity.member(asked.user)
        if member is None or identity.is_ours(asked.user):
            raise WireError(
                "not_found", f"expected somebody who is here or has a token, got `{asked.user}`", field="user"
            )
    elif isinstance(asked.name, str):
        new = NewToken(name=asked.name, role=asked.role, kind=asked.kind, expires_in_s=asked.expires_in_s)
        made = await identity.tokens.make(by.id, new)
        member = Member(made.token.user, made.token.name, made.token.kind, made.token.role)
    else:
        raise WireError(
            "bad_field", "expected a user who is known, or the name of somebody new, got neither", field="name"
        )
    one = Invitation(room.info.room, member.id, member.name, by.id, hub.clock())
    await hub.store.record(HostAction(one.at, by.id, "invite", one.room, one.user))
    await hub.invitations.add(one)
    _tell(hub, one.user)
    return Invited(one, made)


async def dismiss(hub: Hub, by: Member, room: OpenRoom, user: str) -> None:
    """End an invitation; where the room is private, who was invited leaves it. Raises `WireError`."""
    name = room.info.room
    if user not in await hub.invitations.of(name):
        raise WireError("not_found", f"expected somebody invited to `{name}`, got `{user[:64]}`", field="user")
    await hub.store.record(HostAction(hub.clock(), by.id, "dismiss", name, user))
    await hub.invitations.drop(name, user)
    member = room.member(user)
    if member is not None and not room.admits(member):
        hub.put_out(user, CLOSE_KICKED, "you are invited here no longer", room)
    _tell(hub, user)


async def readers(hub: Hub, identity: Identity, room: OpenRoom) -> list[dict[str, object]]:
    """Who may read a private room, or is here in a public one: {user, name, role, why, here, can_come}.

    `why` is invited, persona, host or here; `can_come` is false for who was invited and has no valid token any more.
    """
    found: dict[str, dict[str, object]] = {}

    def tell(user: str, name: str, role: str, why: str, can_come: bool = True) -> None:
        here = {"here": room.is_member(user), "can_come": can_come}
        found[user] = {"user": user, "name": name, "role": role, "why": why, **here}

    for user, one in (await hub.invitations.of(room.info.room)).items():
        member = identity.member(user)
        tell(user, one.name, "guest" if member is None else member.role, "invited", member is not None)
    for user in sorted(room.info.members):
        tell(user, user, "member", "persona")
    for token in identity.tokens.all():
        if token.role == "host":
            tell(token.user, token.name, "host", "host")
    for member in room.members():
        if member.id in found:
            found[member.id]["name"] = member.name
        else:
            tell(member.id, member.name, member.role, "host" if member.role == "host" else "here")
    return list(found.values())


def _tell(hub: Hub, user: str) -> None:
    if hub.mediation is not None:
        hub.mediation.allowed(user)
