from __future__ import annotations

import msgspec
import pytest
from msgspec import UNSET

from cadence.rooms.wire import (
    CLOSE_BANNED,
    CLOSE_UNAUTHORIZED,
    After,
    Error,
    Hello,
    Join,
    Joined,
    Limits,
    Server,
    View,
    Welcome,
    You,
)
from cadence.terminal.link import ATTEMPTS_MAX, BACKOFF_SECONDS_MAX, Link, Refused, State

WELCOME = Welcome(
    you=You("rae-01", "Rae", "human", "guest"),
    session="secret",
    resumed=False,
    heartbeat_s=20.0,
    limits=Limits(65536, 5.0, 100),
    features=(),
    server=Server("cadence", "0"),
)
JOINED = Joined(
    room="hall", title="The hall", epoch="e1", head=40, recovered=True, members=(), member_count=0, view=View()
)


def inside(token: str | None = None) -> Link:
    link = Link("hall", "Rae", token)
    link.opened(0.0)
    link.welcomed(WELCOME)
    assert link.joined(JOINED, 1.0) is False
    return link


def test_one_says_hello_and_joins() -> None:
    link = Link("hall", "Rae", "ticket")
    assert link.opened(5.0) == Hello(kind="human", name="Rae", token="ticket", client="cadence join", ref="hello")
    assert link.deadline == 15.0
    assert link.welcomed(WELCOME) == Join(room="hall", ref="join")
    link.joined(JOINED, 6.0)
    assert (link.state, link.deadline, link.epoch, link.seq) == (State.INSIDE, None, "e1", 40)


def test_one_comes_back_with_the_session_and_what_one_has_and_without_the_ticket() -> None:
    link = inside("ticket")
    link.seq, link.turn = 45, 3
    link.lost(None, "cut", 20.0)
    hello = link.opened(21.0)
    assert (hello.resume, hello.token) == ("secret", UNSET)
    assert link.welcomed(WELCOME).after == After("e1", 45, 3)
    assert link.joined(JOINED, 22.0) is True
    assert (link.seq, link.turn) == (45, 3)


def test_another_user_has_other_turns() -> None:
    link = inside()
    link.turn = 3
    link.lost(None, "cut", 20.0)
    link.opened(21.0)
    other = msgspec.structs.replace(WELCOME, you=You("rae-02", "Rae 2", "human", "guest"))
    assert link.welcomed(other).after == After("e1", 40, 0)


@pytest.mark.parametrize(("epoch", "recovered", "turn"), [("e2", False, 0), ("e1", False, 3)])
def test_where_it_does_not_go_on_it_begins_at_the_head(epoch: str, recovered: bool, turn: int) -> None:
    link = inside()
    link.turn = 3
    frame = msgspec.structs.replace(JOINED, epoch=epoch, recovered=recovered, head=99)
    assert link.joined(frame, 2.0) is False
    assert (link.epoch, link.seq, link.turn) == (epoch, 99, turn)


def test_attempts_wait_longer_and_longer_until_one_was_steady() -> None:
    link = inside()
    waits = [link.lost(None, "cut", 2.0) for _ in range(8)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, BACKOFF_SECONDS_MAX, BACKOFF_SECONDS_MAX]
    link.joined(JOINED, 100.0)
    assert link.lost(None, "cut", 110.0) == 0.5


def test_a_server_that_goes_away_says_for_how_long() -> None:
    link = inside()
    link.going(2.0)
    assert link.lost(1012, "restart", 2.0) == 2.0
    link.going(1e9)
    assert link.lost(1012, "restart", 2.0) == BACKOFF_SECONDS_MAX


def test_there_is_an_end_to_trying() -> None:
    link = inside()
    with pytest.raises(Refused, match=f"^gave up after {ATTEMPTS_MAX} attempts in a row; the last one: cut$"):
        for _ in range(ATTEMPTS_MAX):
            link.lost(None, "cut", 2.0)


def test_an_address_where_nobody_is_is_told_at_once() -> None:
    with pytest.raises(Refused, match=r"^expected a Cadence there$"):
        Link("hall", None, None).lost(None, "expected a Cadence there", 0.0)


@pytest.mark.parametrize("code", [4000, 4003, 4010, CLOSE_BANNED])
def test_some_ends_are_final(code: int) -> None:
    with pytest.raises(Refused):
        inside().lost(code, "closed", 2.0)


def test_a_session_that_is_forgotten_is_made_anew_with_the_token_once() -> None:
    link = inside("entry")
    link.lost(None, "cut", 2.0)
    link.opened(3.0)
    link.refused(Error(code="unauthorized", message="who?", ref="hello"))
    link.lost(CLOSE_UNAUTHORIZED, "closed", 3.0)
    hello = link.opened(4.0)
    assert (hello.token, hello.resume) == ("entry", UNSET)
    with pytest.raises(Refused, match="^who[?]$"):
        link.refused(Error(code="unauthorized", message="who?", ref="hello"))


def test_a_refusal_is_final_unless_it_is_for_later() -> None:
    link = Link("hall", "Rae", None)
    link.opened(0.0)
    assert link.refused(Error(code="unavailable", message="too many guests", retry_after_s=9.0)) == "too many guests"
    assert link.lost(None, "hung up", 1.0) == 9.0
    link.opened(10.0)
    with pytest.raises(Refused, match="^the name `Rae` is taken: --name NAME$"):
        link.refused(Error(code="conflict", message="the name `Rae` is taken", ref="hello"))
    link.welcomed(WELCOME)
    with pytest.raises(Refused, match="^no room$"):
        link.refused(Error(code="no_such_room", message="no room", ref="join"))
