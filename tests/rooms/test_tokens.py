from __future__ import annotations

import asyncio

import pytest

from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.roster import Roster
from cadence.rooms.tokens import KIND, Made, Tokens, key_of
from cadence.rooms.wire import WireError
from cadence.rooms.wire.hosting import NewToken
from tests.rooms.house import clock, settle


async def book(log: MemoryLog | None = None, roster: Roster | None = None) -> tuple[Tokens, MemoryLog, Roster]:
    log, roster = log or MemoryLog(clock), roster or Roster()
    tokens = Tokens(log, clock, roster)
    await tokens.load()
    return tokens, log, roster


async def refused(tokens: Tokens, **asked: object) -> str:
    with pytest.raises(WireError) as caught:
        await tokens.make("host", NewToken(**asked))  # type: ignore[arg-type]
    return caught.value.code


async def test_a_token_is_one_user_for_ever_also_after_a_restart() -> None:
    tokens, log, _ = await book()
    made = await tokens.make("host", NewToken(name="Béa Lund", role="member"))
    again, _, roster = await book(log)
    found = again.find(key_of(made.secret))
    assert found is not None and (found.user, found.name, found.role, found.kind) == (
        "bea-lund",
        "Béa Lund",
        "member",
        "human",
    )
    assert not roster.is_free("BÉA LUND", "somebody") and not roster.is_free("bea-lund", "somebody")
    assert roster.is_free("bea-lund", "bea-lund") and roster.is_free("Béa Lund", "bea-lund")
    assert again.find(key_of("another")) is None


async def test_what_is_kept_is_a_hash_and_never_the_token() -> None:
    tokens, log, _ = await book()
    made = await tokens.make("host", NewToken(name="Bea"))
    (kept,) = (await log.kept(KIND)).values()
    assert made.secret.encode() not in kept and made.token.key.encode() in kept
    assert len(made.secret) >= 43  # 256 bits: nobody guesses it, so no slow hash is needed
    actions = [action for _, action in await log.host_actions("", limit=9)]
    assert [(action.what, action.by, action.whom) for action in actions] == [("token", "host", "bea")]
    assert made.secret not in repr(actions)


async def test_it_ends_when_it_expires_and_not_before() -> None:
    tokens, log, roster = await book()
    made = await tokens.make("host", NewToken(name="Bea", expires_in_s=60))
    await settle(59.9)
    assert tokens.find(made.token.key) and await tokens.expire() == []
    await settle(0.2)
    assert tokens.find(made.token.key) is None and tokens.all() == []
    assert await tokens.expire() == ["bea"] and await log.kept(KIND) == {} and roster.is_free("Bea", "another")


async def test_it_ends_when_it_is_revoked_and_another_of_the_user_goes_on() -> None:
    tokens, log, roster = await book()
    old, new = [await tokens.make("host", NewToken(name="Bea")) for _ in range(2)]
    assert old.token.user == new.token.user and len(tokens.of("bea")) == 2
    await tokens.revoke("host", old.token.id)
    assert tokens.find(old.token.key) is None and tokens.find(new.token.key) is not None
    assert not roster.is_free("Bea", "another") and list(await log.kept(KIND)) == [new.token.id]
    with pytest.raises(WireError, match="expected the id of a valid token"):
        await tokens.revoke("host", old.token.id)
    assert await tokens.forget("bea") == 1 and roster.is_free("Bea", "another")


async def test_names_of_others_kinds_of_others_and_ids_of_the_house_are_refused() -> None:
    tokens, _, roster = await book()
    roster.reserve("Vera", "vera")
    roster.claim("Zed", "zed-0123456789")
    tokens.taken = lambda user: user == "vera"
    await tokens.make("host", NewToken(name="Bea", role="guest"))
    assert await refused(tokens, name="Vera") == "conflict"
    assert await refused(tokens, name="Someone", user="vera") == "conflict"
    assert await refused(tokens, name="zed") == "conflict"
    assert await refused(tokens, name="Zédé", user="zed") == "conflict"  # a guest here is called like that id
    assert await refused(tokens, name="Bea", role="host") == "conflict"
    assert await refused(tokens, name="Bea", role="guest", kind="agent") == "conflict"
    assert await refused(tokens, name="Béa", role="guest") == "conflict"  # the same id, another name
    assert await refused(tokens, name="\u202e") == "bad_field"
    assert [token.name for token in tokens.all()] == ["Bea"]


async def test_two_who_ask_at_once_for_one_name_do_not_get_two_users() -> None:
    tokens, _, _ = await book()
    made = await asyncio.gather(
        tokens.make("host", NewToken(name="Bea", role="guest")),
        tokens.make("host", NewToken(name="Bea", role="host")),
        return_exceptions=True,
    )
    assert [type(one) for one in made] == [Made, WireError]


async def test_a_log_that_refuses_leaves_no_token() -> None:
    tokens, log, roster = await book()
    log.available = False
    with pytest.raises(Exception, match="try again"):
        await tokens.make("host", NewToken(name="Bea"))
    assert tokens.all() == [] and roster.is_free("Bea", "another")


async def test_what_another_server_does_to_tokens_holds_here_when_it_is_taken_over() -> None:
    one, log, _ = await book()
    other, _, roster = await book(log)
    made = await one.make("host", NewToken(name="Bea", role="member"))
    second = await one.make("host", NewToken(name="Bea", role="member"))
    assert other.find(key_of(made.secret)) is None
    assert await other.refresh() == [] and other.find(key_of(made.secret)) == made.token
    assert not roster.is_free("Bea", "somebody")
    await one.revoke("host", second.token.id)
    assert await other.refresh() == [] and other.find(key_of(second.secret)) is None
    await one.revoke("host", made.token.id)
    assert await other.refresh() == ["bea"] and other.all() == [] and roster.is_free("Bea", "somebody")


async def test_a_token_that_is_being_made_is_not_taken_for_one_that_was_revoked() -> None:
    tokens, _, _ = await book()
    made, _ = await asyncio.gather(tokens.make("host", NewToken(name="Bea")), tokens.refresh())
    assert tokens.find(key_of(made.secret)) == made.token
