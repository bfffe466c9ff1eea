import asyncio
import re
from dataclasses import replace

import pytest

from cadence.rooms.identity import (
    RESUME_SECONDS,
    TICKET_SECONDS,
    TICKETS_MAX,
    Grant,
    Identity,
)
from cadence.rooms.log import SessionRecord
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.wire import Hello, WireError, You
from tests.rooms.house import HOST_TOKEN, tokens


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """An identity that can be restarted over the same log."""

    def __init__(self, log: type[MemoryLog] = MemoryLog, open: bool = True) -> None:
        self.time = Time()
        self.log = log(self.time)
        self._source = tokens()
        self._open = open
        self.identity = self._make()

    def _make(self) -> Identity:
        return Identity(
            self.log,
            self.time,
            host_token=HOST_TOKEN,
            entry_token="entry",
            open=self._open,
            token=lambda: next(self._source),
        )

    async def restart(self) -> None:
        self.log.recover()
        self.identity = self._make()
        await self.identity.load()

    async def greet(self, name: str | None = None, kind: str = "human", **fields: str) -> Grant:
        named = {} if name is None else {"name": name}
        return await self.identity.greet(Hello(kind="agent" if kind == "agent" else "human", **named, **fields))  # type: ignore[arg-type]

    async def refused(self, *args: str, **fields: str) -> str:
        with pytest.raises(WireError) as caught:
            await self.greet(*args, **fields)
        return caught.value.code


async def test_a_guest_gets_a_readable_id_of_its_own() -> None:
    desk = Desk()
    ann = await desk.greet("Ann Lee", kind="agent")
    assert re.fullmatch(r"ann-lee-[0-9a-f]{10}", ann.you.id)
    assert ann.you == You(ann.you.id, "Ann Lee", "agent", "guest")
    assert not ann.resumed
    await desk.identity.part(ann)
    desk.time.now += RESUME_SECONDS + 1
    assert (await desk.greet("Ann Lee")).you.id != ann.you.id


async def test_a_guest_without_a_name_is_given_one() -> None:
    grant = await Desk().greet()
    assert re.fullmatch(r"Guest \d{4}", grant.you.name)
    assert re.fullmatch(r"guest-\d{4}-[0-9a-f]{10}", grant.you.id)


async def test_a_name_is_taken_whatever_its_case() -> None:
    desk = Desk()
    await desk.greet("Ann")
    assert await desk.refused("ANN") == "conflict"


@pytest.mark.parametrize("name", ["alex", "Alex", "host", "HOST", "Vera", "vera-id"])
async def test_names_of_the_house_are_reserved(name: str) -> None:
    desk = Desk()
    desk.identity.persona_token("vera-id", "Vera")
    assert await desk.refused(name) == "conflict"


async def test_a_bad_name_says_what_was_expected() -> None:
    desk = Desk()
    with pytest.raises(WireError, match="1 to 40 characters, got 41") as caught:
        await desk.greet("x" * 41)
    assert (caught.value.code, caught.value.field) == ("bad_field", "name")
    assert await desk.refused("") == "bad_field"


async def test_a_name_stays_taken_while_its_guest_may_resume() -> None:
    desk = Desk()
    ann = await desk.greet("Ann")
    await desk.identity.part(ann)
    desk.time.now += RESUME_SECONDS
    assert await desk.refused("Ann") == "conflict"
    desk.time.now += 0.1
    assert (await desk.greet("Ann")).you.name == "Ann"


async def test_a_guest_resumes_within_its_time() -> None:
    desk = Desk()
    ann = await desk.greet("Ann")
    await desk.identity.part(ann)
    desk.time.now += RESUME_SECONDS
    again = await desk.greet(resume=ann.session)
    assert again == replace(ann, resumed=True)


async def test_a_guest_who_is_late_is_new() -> None:
    desk = Desk()
    ann = await desk.greet("Ann")
    await desk.identity.part(ann)
    desk.time.now += RESUME_SECONDS + 0.1
    again = await desk.greet("Ann", resume=ann.session)
    assert (again.resumed, again.you.id == ann.you.id) == (False, False)


async def test_resuming_a_connected_session_adds_a_connection() -> None:
    desk = Desk()
    first = await desk.greet("Ann")
    second = await desk.greet("Other name", resume=first.session)
    assert (second.you, second.resumed) == (first.you, True)
    await desk.identity.part(first)
    desk.time.now += 10 * RESUME_SECONDS
    assert await desk.refused("Ann") == "conflict"
    await desk.identity.part(second)
    desk.time.now += RESUME_SECONDS
    assert (await desk.greet(resume=first.session)).you == first.you


async def test_a_guest_may_come_back_under_another_name() -> None:
    desk = Desk()
    ann = await desk.greet("Ann")
    await desk.identity.part(ann)
    anna = await desk.greet("Anna", resume=ann.session)
    assert (anna.you.id, anna.you.name) == (ann.you.id, "Anna")
    assert (await desk.greet("Ann")).you.name == "Ann"


async def test_a_session_outlives_a_restart() -> None:
    desk = Desk()
    ann = await desk.greet("Ann")
    await desk.restart()
    desk.time.now += RESUME_SECONDS
    assert await desk.refused("ann") == "conflict"
    assert (await desk.greet(resume=ann.session)).you == ann.you


async def test_after_a_restart_the_time_counts_from_the_last_close() -> None:
    desk = Desk()
    ann = await desk.greet("Ann")
    await desk.identity.part(ann)
    desk.time.now += RESUME_SECONDS - 1
    await desk.restart()
    desk.time.now += 2
    assert not (await desk.greet("Ann", resume=ann.session)).resumed


@pytest.mark.parametrize("session", ["nobody's", "", "x" * 128])
async def test_an_unknown_session_makes_a_new_guest(session: str) -> None:
    grant = await Desk().greet("Ann", resume=session)
    assert not grant.resumed
    assert grant.session != session


async def test_the_host_is_always_the_same_user() -> None:
    desk = Desk()
    host = await desk.greet(kind="agent", token=HOST_TOKEN)
    assert host.you == You("host", "Host", "human", "host")
    again = await desk.greet("Somebody", token=HOST_TOKEN)
    assert again.you == host.you
    await desk.identity.part(host)
    await desk.identity.part(again)
    assert (await desk.greet("Grace", token=HOST_TOKEN)).you.name == "Grace"


async def test_a_host_resumes_always_and_without_the_token() -> None:
    desk = Desk(open=False)
    host = await desk.greet("Grace", token=HOST_TOKEN)
    await desk.identity.part(host)
    desk.time.now += 365 * 24 * 3600
    await desk.restart()
    again = await desk.greet(resume=host.session)
    assert again == replace(host, resumed=True)


async def test_a_host_whose_name_went_to_another_is_called_host_again() -> None:
    desk = Desk()
    host = await desk.greet("Grace", token=HOST_TOKEN)
    await desk.identity.part(host)
    await desk.greet("Grace")
    assert (await desk.greet(resume=host.session)).you.name == "Host"


async def test_a_token_does_not_resume_another_users_session() -> None:
    desk = Desk()
    ann = await desk.greet("Ann")
    host = await desk.greet(token=HOST_TOKEN, resume=ann.session)
    assert (host.you.id, host.resumed) == ("host", False)


@pytest.mark.parametrize("token", ["wrong", "", HOST_TOKEN + "x"])
async def test_a_bad_token_is_unauthorized(token: str) -> None:
    assert await Desk().refused("Ann", token=token) == "unauthorized"


async def test_elsewhere_a_hello_needs_a_token_or_a_session() -> None:
    desk = Desk(open=False)
    assert await desk.refused("Ann") == "unauthorized"
    assert await desk.refused("Ann", resume="nobody's") == "unauthorized"


async def test_the_entry_token_lets_guests_in_again_and_again() -> None:
    desk = Desk(open=False)
    ann, bot = await desk.greet("Ann", token="entry"), await desk.greet("Bot", "agent", token="entry")
    assert ann.you.role == bot.you.role == "guest"
    assert (ann.you.kind, bot.you.kind) == ("human", "agent")
    assert await desk.refused("Eve", token="wrong") == "unauthorized"
    assert desk.identity.admits("entry") and not desk.identity.admits(None)


async def test_a_guest_who_entered_resumes_without_the_token() -> None:
    desk = Desk(open=False)
    ann = await desk.greet("Ann", token="entry")
    await desk.identity.part(ann)
    assert (await desk.greet(resume=ann.session)).you == ann.you


async def test_a_ticket_lets_the_host_in_once() -> None:
    desk = Desk(open=False)
    ticket = desk.identity.ticket()
    assert (await desk.greet(token=ticket)).you.id == "host"
    assert await desk.refused(token=ticket) == "unauthorized"


class WaitingLog(MemoryLog):
    """Lets others run before it answers, as a disk does."""

    def __init__(self, clock: Time) -> None:
        super().__init__(clock)
        self.gate = asyncio.Event()

    async def session(self, key: str) -> SessionRecord | None:
        await asyncio.sleep(0)
        return await super().session(key)

    async def save_session(self, record: SessionRecord) -> None:
        await self.gate.wait()
        await super().save_session(record)


async def test_two_hellos_at_once_do_not_share_a_ticket() -> None:
    desk = Desk(WaitingLog)
    assert isinstance(desk.log, WaitingLog)
    desk.log.gate.set()
    ticket = desk.identity.ticket()
    both = [desk.greet(token=ticket, resume="forgotten") for _ in range(2)]
    first, second = await asyncio.gather(*both, return_exceptions=True)
    assert isinstance(first, Grant)
    assert isinstance(second, WireError) and second.code == "unauthorized"


async def test_a_hello_cut_while_it_is_stored_leaves_nobody_behind() -> None:
    desk = Desk(WaitingLog)
    hello = asyncio.create_task(desk.greet("Ann"))
    await asyncio.sleep(0)
    assert await desk.refused("Ann") == "conflict"
    hello.cancel()
    await asyncio.wait([hello])
    desk.time.now += RESUME_SECONDS + 1
    assert isinstance(desk.log, WaitingLog)
    desk.log.gate.set()
    assert (await desk.greet("Ann")).you.name == "Ann"


async def test_a_ticket_expires() -> None:
    desk = Desk()
    ticket = desk.identity.ticket()
    desk.time.now += TICKET_SECONDS
    assert await desk.refused(token=ticket) == "unauthorized"


async def test_a_refused_name_does_not_spend_the_ticket() -> None:
    desk = Desk()
    ticket = desk.identity.ticket()
    await desk.greet("Ann")
    assert await desk.refused("Ann", token=ticket) == "conflict"
    assert (await desk.greet("Grace", token=ticket)).you.role == "host"


async def test_only_so_many_tickets_wait() -> None:
    desk = Desk()
    first, *_, last = [desk.identity.ticket() for _ in range(TICKETS_MAX + 1)]
    assert await desk.refused(token=first) == "unauthorized"
    assert (await desk.greet(token=last)).you.id == "host"


async def test_a_persona_is_what_its_card_says() -> None:
    desk = Desk(open=False)
    token = desk.identity.persona_token("vera", "Vera")
    assert desk.identity.persona_token("vera", "Vera") == token
    vera = await desk.greet("Not Vera", kind="human", token=token)
    assert vera.you == You("vera", "Vera", "agent", "member")


async def test_a_full_disk_keeps_nobody_out() -> None:
    desk = Desk()
    desk.log.available = False
    ann = await desk.greet("Ann")
    await desk.identity.part(ann)
    assert (await desk.greet(resume=ann.session)).resumed


async def test_only_the_hash_of_a_session_is_kept() -> None:
    desk = Desk()
    ann = await desk.greet("Ann")
    (record,) = await desk.log.sessions_open_since(0.0)
    assert record.key == ann.key
    assert ann.session not in repr(record)


async def test_a_bearer_is_a_token_or_a_session() -> None:
    desk = Desk()
    ann = await desk.greet("Ann")
    assert desk.identity.bearer(HOST_TOKEN) == You("host", "Host", "human", "host")
    assert desk.identity.bearer(ann.session) == ann.you
    assert desk.identity.bearer("wrong") is None
    await desk.identity.part(ann)
    desk.time.now += RESUME_SECONDS + 1
    assert desk.identity.bearer(ann.session) is None
