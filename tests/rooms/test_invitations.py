from __future__ import annotations

from cadence.rooms.invitations import Invitation, Invitations
from cadence.rooms.log.memory import MemoryLog
from tests.rooms.house import clock


def invitation(room: str, user: str) -> Invitation:
    return Invitation(room, user, user.title(), "host", 1.0)


async def test_who_is_invited_is_known_after_a_restart() -> None:
    log = MemoryLog(clock)
    before = Invitations(log)
    for room, user in (("attic", "bea"), ("attic", "kim"), ("cellar", "bea")):
        await before.add(invitation(room, user))
    await before.drop("attic", "kim")
    await before.drop("attic", "nobody")
    after = Invitations(log)
    assert dict(await after.of("attic")) == {"bea": invitation("attic", "bea")}
    assert await after.rooms_of("bea") == ["attic", "cellar"] and await after.rooms_of("kim") == []


async def test_what_was_asked_for_follows_what_changes() -> None:
    invitations = Invitations(MemoryLog(clock))
    attic = await invitations.of("attic")
    await invitations.add(invitation("attic", "bea"))
    assert "bea" in attic
    await invitations.drop("attic", "bea")
    assert "bea" not in attic


async def test_what_another_server_changes_is_taken_over_with_whom_it_concerns() -> None:
    log = MemoryLog(clock)
    one, other = Invitations(log), Invitations(log)
    assert await other.refresh() == []
    attic = await other.of("attic")
    await one.add(invitation("attic", "bea"))
    await one.add(invitation("attic", "kim"))
    assert await other.refresh() == ["bea", "kim"] and set(attic) == {"bea", "kim"}
    await one.drop("attic", "bea")
    assert await other.refresh() == ["bea"] and set(attic) == {"kim"}
    assert await other.refresh() == []
