"""Forgetting somebody: what they said is erased wherever a redaction reaches, then their name and id leave the log.

What others wrote about them is others' own and stays, with their name in it if it was written there.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import asdict, dataclass

from cadence.rooms.hub import Hub
from cadence.rooms.identity import Identity
from cadence.rooms.log import HostAction, Traces
from cadence.rooms.wire import CLOSE_UNAUTHORIZED, Member, WireError

BATCH_MESSAGES = 100  # erased at once
ALIAS_BYTES = 6
PARTING_SECONDS_MAX = 10.0
SHUT_SECONDS = 60.0  # in which whoever is forgotten by another server cannot resume here; by then their session is gone
PASSES_MAX = 3  # over the log: what was under way when the first began is found by the next


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was there of somebody, and, unless it was only asked for, is not any more. `alias` stands in its place."""

    user: str
    alias: str | None
    erased: int  # messages whose text was still there
    traces: Traces
    tokens: int
    invitations: int

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "user": self.user,
            "alias": self.alias,
            "erased": self.erased,
            **asdict(self.traces),
            "tokens": self.tokens,
            "invitations": self.invitations,
        }


async def forget(hub: Hub, identity: Identity, by: Member, user: str, *, dry_run: bool) -> Forgotten:
    """Forget `user`, or only say what there is of them. Raises `WireError`; interrupted, it may be asked again."""
    if identity.is_ours(user):
        raise WireError("forbidden", f"`{user}` is the host, the mediator or a persona: they have files", field="user")
    async with hub.forgetting:
        found = await _look(hub, identity, user)
        if found.traces == Traces() and not (found.tokens or found.invitations or identity.member(user)):
            raise WireError("not_found", f"expected somebody of this server, got `{user[:64]}`", field="user")
        if dry_run:
            return found
        alias = f"forgotten-{secrets.token_hex(ALIAS_BYTES)}"
        await hub.own(_forget(hub, identity, by, user, alias))
        return Forgotten(user, alias, found.erased, found.traces, found.tokens, found.invitations)


async def _look(hub: Hub, identity: Identity, user: str) -> Forgotten:
    rooms = await hub.invitations.rooms_of(user)
    traces = await hub.store.traces(user)
    unread = len(await hub.store.said_by(user, traces.messages))
    return Forgotten(user, None, unread, traces, len(identity.tokens.of(user)), len(rooms))


async def _forget(hub: Hub, identity: Identity, by: Member, user: str, alias: str) -> None:
    await hub.store.record(HostAction(hub.clock(), by.id, "forget", "", alias))
    await identity.tokens.forget(user)
    for room in await hub.invitations.rooms_of(user):
        await hub.invitations.drop(room, user)
    try:
        async with asyncio.timeout(PARTING_SECONDS_MAX):
            await _let_go(hub, identity, user)
            if hub.peers is not None:
                await hub.peers.part(user, alias)
        await _erase(hub, user, alias)
    except TimeoutError:
        raise WireError("unavailable", f"`{user}` is still being disconnected: ask again") from None
    finally:
        identity.shut.discard(user)


async def let_go(hub: Hub, identity: Identity, user: str) -> None:
    """Another server forgets `user`: end what there is of them here, and let them come back as somebody new only."""
    asyncio.get_running_loop().call_later(SHUT_SECONDS, identity.shut.discard, user)
    await identity.tokens.refresh()
    await hub.invitations.refresh()
    await _let_go(hub, identity, user)


async def _let_go(hub: Hub, identity: Identity, user: str) -> None:
    identity.shut.add(user)
    hub.put_out(user, CLOSE_UNAUTHORIZED, "a host has this account forgotten")
    await hub.parted(user)
    identity.forget(user)
    if hub.mediation is not None:
        await hub.mediation.forget_reader(user)


async def _erase(hub: Hub, user: str, alias: str) -> None:
    for _ in range(PASSES_MAX):
        while said := await hub.store.said_by(user, BATCH_MESSAGES):
            for room in dict.fromkeys(room for room, _ in said):
                await hub.erase(room, [seq for where, seq in said if where == room], alias)
        if await hub.store.forget(user, alias) == Traces():
            return
