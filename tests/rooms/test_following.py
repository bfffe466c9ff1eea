from __future__ import annotations

from cadence.alex.turns import made_turn
from cadence.rooms.following import Following
from cadence.rooms.wire import Author, Covers, Message, Turn, View, ViewReply

REA = ("lab", "rea")
AT = "2026-01-01T00:00:00.000Z"


def said(seq: int, kind: str = "agent") -> Message:
    return Message(room="lab", epoch="e", seq=seq, id=f"{seq}", from_=Author("ana", "Ana", kind), at=AT, text="word")  # type: ignore[arg-type]


def turn(number: int, to: int) -> Turn:
    return made_turn("lab", number, AT, "paraphrase", Covers("e", 1, to, 1, 1), [])


def view(mode: str, user: str = "rea") -> ViewReply:
    return ViewReply(room="lab", participant=user, view=View(mode=mode), locked=(), set_by=user)  # type: ignore[arg-type]


def lost(*, raw: bool = False, turn: int = 0) -> Following:
    following = Following()
    following.reads(REA, raw=raw)
    following.lost(REA, turn)
    return following


def test_ai_speech_is_kept_back_from_who_does_not_read_raw_and_human_speech_from_nobody() -> None:
    assert lost().keeps_back(REA, said(1)) and not lost(raw=True).keeps_back(REA, said(1))
    assert not lost().keeps_back(REA, said(1, "human"))


def test_who_read_raw_when_they_were_lost_goes_on_so_until_another_view_is_told() -> None:
    following = lost(raw=True)
    assert not following.told(REA, view("raw", user="bob")) and not following.keeps_back(REA, said(1))
    assert not following.told(REA, view("paraphrase")) and following.keeps_back(REA, said(2))


def test_raw_that_began_before_what_was_kept_back_leaves_a_hole() -> None:
    following = lost()
    following.keeps_back(REA, said(3))
    assert not following.told(REA, turn(1, to=3)), "the closing turn covers it"
    assert not following.told(REA, view("raw"))
    following = lost()
    following.keeps_back(REA, said(4))
    assert not following.told(REA, turn(1, to=3)) and following.told(REA, view("raw"))


def test_a_turn_that_was_not_told_is_missed() -> None:
    following = lost(turn=4)
    assert not following.told(REA, turn(5, to=1)) and not following.told(REA, turn(5, to=1))
    assert following.told(REA, turn(7, to=2))
    assert not following.told(REA, turn(8, to=3))


def test_who_is_taken_over_gets_what_raw_has_let_through_elsewhere() -> None:
    following = lost(turn=2)
    following.keeps_back(REA, said(5))
    assert following.taken(REA, 3, 5) == (2, True)
    assert following.taken(REA, 3, 5) == (3, False), "all of it was sent by whoever took"
    following.keeps_back(REA, said(6))
    assert following.taken(REA, 3, None) == (3, False)
    assert following.taken(("lab", "bob"), 0, None) == (0, False)


def test_the_log_tells_what_was_not_told() -> None:
    following = lost(turn=2)
    assert following.lacks_turns(REA, 3) and not following.lacks_turns(REA, 2)
    assert following.mistakes_mode(REA, 1) and not following.mistakes_mode(REA, None)


def test_nothing_is_kept_of_who_is_gone() -> None:
    following = lost(raw=True, turn=2)
    following.forget(REA)
    following.forget(REA)
    assert following == Following()
    assert following.lacks_turns(REA, 1) and following == Following()
