from __future__ import annotations

import msgspec
import pytest
from msgspec import UNSET

from cadence.client.link import ATTEMPTS_MAX, BACKOFF_SECONDS_MAX, Link, Refused, State
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
    ViewPatch,
    Welcome,
    You,
)

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


def outside(token: str | None = None) -> Link:
    link = Link("human", "Rae", token, client="a test")
    link.enter("hall")
    return link


def inside(token: str | None = None) -> Link:
    link = outside(token)
    link.opened(0.0)
    link.welcomed(WELCOME, 0.5)
    assert link.joined(JOINED, 1.0) is False
    return link


def test_one_says_hello_and_joins() -> None:
    link = outside("ticket")
    assert link.opened(5.0) == Hello(kind="human", name="Rae", token="ticket", client="a test", ref="hello")
    assert link.deadline == 15.0
    assert link.welcomed(WELCOME, 5.5) == [Join(room="hall", ref="join hall")]
    link.joined(JOINED, 6.0)
    here = link.rooms["hall"]
    assert (link.state, link.deadline, here.epoch, here.seq) == (State.INSIDE, None, "e1", 40)


def test_one_is_inside_when_every_room_was_joined() -> None:
    link = outside()
    view = ViewPatch(mode="raw")
    link.enter("attic", view)
    link.opened(0.0)
    joins = link.welcomed(WELCOME, 1.0)
    assert joins == [Join(room="hall", ref="join hall"), Join(room="attic", view=view, ref="join attic")]
    link.joined(JOINED, 2.0)
    assert link.state is State.ENTERING
    link.joined(msgspec.structs.replace(JOINED, room="attic"), 3.0)
    assert (link.state, link.deadline) == (State.INSIDE, None)
    link.lost(None, "cut", 4.0)
    assert [here.inside for here in link.rooms.values()] == [False, False]
    assert link.join("attic").view is UNSET, "a view is set once, not again after every cut"


def test_without_rooms_one_is_inside_once_greeted() -> None:
    link = Link("agent", None, None, client="a test", session="kept")
    assert link.opened(0.0).resume == "kept"
    assert (link.welcomed(WELCOME, 1.0), link.state) == ([], State.INSIDE)


def test_only_errors_of_coming_in_concern_it() -> None:
    link = outside()
    link.opened(0.0)
    assert [link.concerns(Error(code="conflict", message="", ref=ref)) for ref in ("hello", UNSET, "r1")] == [
        True, True, False,
    ]  # fmt: skip
    link.welcomed(WELCOME, 1.0)
    assert [link.concerns(Error(code="conflict", message="", ref=ref)) for ref in ("join hall", "r1")] == [True, False]


def test_one_comes_back_with_the_session_and_what_one_has_and_without_the_ticket() -> None:
    link = inside("ticket")
    here = link.rooms["hall"]
    here.seq, here.turn = 45, 3
    link.lost(None, "cut", 20.0)
    hello = link.opened(21.0)
    assert (hello.resume, hello.token) == ("secret", UNSET)
    assert link.welcomed(WELCOME, 21.0)[0].after == After("e1", 45, 3)
    assert link.joined(JOINED, 22.0) is True
    assert (here.seq, here.turn) == (45, 3)


def test_another_user_has_other_turns() -> None:
    link = inside()
    link.rooms["hall"].turn = 3
    link.lost(None, "cut", 20.0)
    link.opened(21.0)
    other = msgspec.structs.replace(WELCOME, you=You("rae-02", "Rae 2", "human", "guest"))
    assert link.welcomed(other, 21.0)[0].after == After("e1", 40, 0)


@pytest.mark.parametrize(("epoch", "recovered", "turn"), [("e2", False, 0), ("e1", False, 3)])
def test_where_it_does_not_go_on_it_begins_at_the_head(epoch: str, recovered: bool, turn: int) -> None:
    link = inside()
    here = link.rooms["hall"]
    here.turn = 3
    frame = msgspec.structs.replace(JOINED, epoch=epoch, recovered=recovered, head=99)
    assert link.joined(frame, 2.0) is False
    assert (here.epoch, here.seq, here.turn) == (epoch, 99, turn)


def test_attempts_wait_longer_and_longer_until_one_was_steady() -> None:
    link = inside()
    waits = [link.lost(None, "cut", 2.0) for _ in range(8)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, BACKOFF_SECONDS_MAX, BACKOFF_SECONDS_MAX]
    link.opened(90.0)
    link.welcomed(WELCOME, 95.0)
    link.joined(JOINED, 100.0)
    assert link.lost(None, "cut", 110.0) == 0.5


def test_a_crowd_does_not_come_back_in_the_same_instant() -> None:
    link = inside()
    assert [link.lost(None, "cut", 2.0, roll) for roll in (0.0, 0.5, 1.0)] == [0.25, 0.75, 2.0]
    link.going(7.0)
    assert link.lost(1012, "restart", 2.0, 0.0) == 7.0, "the server has spread them itself"


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
        outside().lost(None, "expected a Cadence there", 0.0)


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
    link = outside()
    link.opened(0.0)
    assert link.refused(Error(code="unavailable", message="too many guests", retry_after_s=9.0)) == "too many guests"
    assert link.lost(None, "hung up", 1.0) == 9.0
    link.opened(10.0)
    with pytest.raises(Refused, match="^the name `Rae` is taken$") as caught:
        link.refused(Error(code="conflict", message="the name `Rae` is taken", ref="hello"))
    assert caught.value.code == "conflict"
    link.welcomed(WELCOME, 11.0)
    with pytest.raises(Refused, match="^no room$"):
        link.refused(Error(code="no_such_room", message="no room", ref="join hall"))
