from __future__ import annotations

import pytest

from cadence.rooms.access import asker, bearer, host, operator
from cadence.rooms.identity import Identity
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.wire import WireError
from cadence.rooms.wire.hosting import NewToken

HOST = "the host's own token"


def identity(open: bool = False) -> Identity:
    return Identity(MemoryLog(lambda: 0.0), lambda: 0.0, host_token=HOST, open=open, entry_token="entry")


def code(act: object, *args: object) -> str:
    with pytest.raises(WireError) as caught:
        act(*args)  # type: ignore[operator]
    return caught.value.code


def test_the_host_is_known_by_the_token_whatever_the_case_of_the_scheme() -> None:
    for header in (f"Bearer {HOST}", f"bearer  {HOST} "):
        who = host(identity(), header, "export a room")
        assert (who.id, who.role) == ("host", "host")


def test_a_stranger_reads_where_the_door_is_open_or_with_the_entry_token() -> None:
    assert asker(identity(open=True), None) is None
    assert asker(identity(), "Bearer entry") is None


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", f"Basic {HOST}", HOST])
def test_anything_else_is_unauthorized(header: str) -> None:
    for door in (True, False):
        assert code(asker, identity(door), header) == "unauthorized"
    assert code(asker, identity(), None) == "unauthorized"


def test_only_hosts_do_what_is_a_hosts() -> None:
    vera = identity()
    token = vera.persona_token("vera", "Vera")
    assert code(host, vera, f"Bearer {token}", "export a room") == "forbidden"
    assert code(host, identity(), "Bearer entry", "export a room") == "unauthorized"


async def test_a_token_of_ones_own_is_more_than_the_right_to_come_in() -> None:
    there = identity(open=True)
    made = await there.tokens.make("host", NewToken(name="Ona", role="guest"))
    assert (bearer(there, f"Bearer {made.secret}").id, bearer(there, f"Bearer {HOST}").id) == ("ona", "host")
    assert code(bearer, there, None) == "unauthorized" == code(bearer, identity(), "Bearer entry")


def test_figures_are_for_hosts_and_the_servers_own_token() -> None:
    operator(identity(), f"Bearer {HOST}")
    operator(identity(), "Bearer entry")
    vera = identity()
    assert code(operator, vera, f"Bearer {vera.persona_token('vera', 'Vera')}") == "forbidden"
    assert code(operator, identity(open=True), None) == "unauthorized"
