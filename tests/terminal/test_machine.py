"""The whole terminal without a terminal: events in, lines and frames out."""

from __future__ import annotations

from datetime import UTC

import msgspec
import pytest

from cadence.rooms import wire
from cadence.rooms.wire import After, Alex, Behind, Error, Focus, History, Page, Presence, Said, Say, View, ViewRequest
from cadence.terminal import machine
from cadence.terminal.events import Dial, Hangup, Lost, Opened, Quit, Received, Send, Show, Status, Tick, Typed
from cadence.terminal.machine import Terminal
from tests.terminal.frames import ADA, RAE, ROOM, WELCOME, joined, message, quote, turn


class Table:
    """A terminal, and what came of what was done to it."""

    def __init__(self, name: str | None = "Rae") -> None:
        self.now = 0.0
        self.terminal = Terminal(ROOM, name=name, token=None, run_id="run", zone=UTC)
        self.actions = self.terminal.start()

    def do(self, event: object) -> Table:
        """Handle an event, a frame or a typed line; only what came of it stays."""
        if isinstance(event, str):
            event = Typed(event)
        elif isinstance(event, msgspec.Struct):
            event = Received(event)  # type: ignore[arg-type]
        self.actions = self.terminal.handle(event, self.now)  # type: ignore[arg-type]
        return self

    def enter(self, **fields: object) -> Table:
        return self.do(Opened()).do(WELCOME).do(joined(**fields))

    @property
    def lines(self) -> list[str]:
        return [action.line.plain for action in self.actions if isinstance(action, Show)]

    @property
    def sent(self) -> list[object]:
        return [action.frame for action in self.actions if isinstance(action, Send)]

    @property
    def status(self) -> list[str]:
        return [action.text for action in self.actions if isinstance(action, Status)]

    @property
    def quit(self) -> int | None:
        return next((action.code for action in self.actions if isinstance(action, Quit)), None)


def inside(**fields: object) -> Table:
    return Table().enter(**fields)


def view_reply(ref: str | None, view: View, by: str = "rae-01", whose: str = "rae-01") -> wire.ViewReply:
    reply = wire.ViewReply(room=ROOM, participant=whose, view=view, locked=(), set_by=by)
    return reply if ref is None else msgspec.structs.replace(reply, ref=ref)


def test_one_comes_in_and_is_told_where_one_is() -> None:
    table = Table()
    assert table.actions == [Dial(0.0)]
    assert [type(frame) for frame in table.do(Opened()).sent] == [wire.Hello]
    assert [type(frame) for frame in table.do(WELCOME).sent] == [wire.Join]
    table.do(joined())
    assert table.lines == [
        "The hall · 3 here · you are Rae · /help",
        "· paraphrase: a turn every few seconds, in the speakers' own words",
        "· a turn every 5 s",
    ]
    assert table.status == ["quiet · every 5 s · 3 here · The hall"]


def test_turns_and_messages_are_printed_once() -> None:
    table = inside()
    shown = turn(1, 41, 42, quote("ada", "one", 41))
    assert table.do(shown).lines == ["── 1 · 10:00:05 · 2 messages, 50 words", "Ada: one"]
    assert table.do(shown).lines == []
    assert table.do(message(43, "hello", RAE)).lines == ["10:00 Rae: hello"]
    assert table.do(message(43, "hello", RAE)).lines == []


def test_a_typed_line_is_said_and_the_next_when_it_is_durable() -> None:
    table = inside()
    assert table.do("one").sent == [Say(room=ROOM, id="run-1", text="one", ref="run-1")]
    assert table.do("two").sent == []
    said = Said(ref="run-1", room=ROOM, id="run-1", seq=41, epoch="e1", at="")
    assert table.do(said).sent == [Say(room=ROOM, id="run-2", text="two", ref="run-2")]


def test_a_line_that_is_too_early_for_the_server_is_said_in_time() -> None:
    table = inside().do("one")
    table.do(Error(ref="run-1", code="rate_limited", message="wait", retry_after_s=2.0))
    assert (table.lines, table.terminal.deadline()) == ([], 2.0)
    table.now = 2.0
    assert table.do(Tick()).sent == [Say(room=ROOM, id="run-1", text="one", ref="run-1")]


def test_what_was_typed_before_one_is_in_happens_then() -> None:
    table = Table().do("first").do("/raw").do("/quit")
    assert table.actions == []
    table.enter()
    assert [type(frame) for frame in table.sent] == [ViewRequest, Say]
    assert table.quit is None
    assert Table().do("/quit").quit == 0, "who has said nothing need not wait"


def test_too_much_typed_too_early_is_refused() -> None:
    table = Table()
    for _ in range(machine.EARLY_LINES_MAX):
        assert not table.terminal.full
        table.do("x")
    assert table.terminal.full
    assert table.do("x").lines == ["! expected at most 100 lines before the room is open, got more"]


def test_what_alex_does_stands_below() -> None:
    table = inside().do(Alex(room=ROOM, state="rate_limiting", behind=Behind(3, 60, 12.0)))
    assert table.status == ["holding back · 3 behind (60 words, 12 s) · every 5 s · 3 here · The hall"]


def test_modes_and_cadence_are_asked_for_and_the_answer_is_told() -> None:
    table = inside()
    assert table.do("/raw").sent == [ViewRequest(room=ROOM, mode="raw", ref="r1")]
    table.do(view_reply("r1", View(mode="raw")))
    assert (table.lines, table.status) == (["· raw: every message at once"], ["raw · 3 here · The hall"])
    assert table.do("/cadence 10").sent == [ViewRequest(room=ROOM, cadence_s=10.0, ref="r2")]
    assert table.do(view_reply("r2", View(mode="raw"))).lines == ["· that is how you read already"]
    table.do("/paced")
    refused = Error(ref="r3", code="unavailable", message="mode paced is not offered yet")
    assert table.do(refused).lines == ["! mode paced is not offered yet"]


def test_a_host_who_changes_how_one_reads_is_named() -> None:
    table = inside()
    assert table.do(view_reply(None, View(cadence_s=20.0), by="ada")).lines == [
        "· Ada changed how you read:",
        "· a turn every 20 s",
    ]
    assert table.do(view_reply(None, View(cadence_s=9.0), whose="other")).lines == []


def test_a_question_is_asked_and_its_answer_shown_like_a_turn() -> None:
    table = inside(members=(RAE, ADA)).do("/ask why the tide?")
    (asked,) = table.sent
    assert isinstance(asked, wire.Ask) and (asked.what, asked.text) == ("question", "why the tide?")
    segment = wire.Segment("answer", ("ada",), "Ada: the moon pulls", (3,), 1.0)
    answer = msgspec.structs.replace(turn(1, 1, 5, segment, mode="answer"), covers=None, ref=asked.ref)
    assert any(one.endswith("Ada: the moon pulls") for one in table.do(answer).lines)
    assert table.do("/quit").quit == 0, "nothing is waited for"


def test_who_is_asked_about_must_be_here() -> None:
    table = inside(members=(RAE, ADA)).do("/ask @Ada")
    assert [(one.what, one.speaker) for one in table.sent if isinstance(one, wire.Ask)] == [("speaker", "ada")]
    assert "got nobody of that name" in inside(members=(RAE, ADA)).do("/ask @Zoe").lines[0]


def test_following_adds_to_whom_one_follows_also_before_the_answer() -> None:
    table = inside(view=View(focus=Focus(pod="bench")))
    assert table.do("/follow ad").sent == [ViewRequest(room=ROOM, focus=Focus(pod="bench", follow=("ada",)), ref="r1")]
    assert table.do("/follow bo").sent == [
        ViewRequest(room=ROOM, focus=Focus(pod="bench", follow=("ada", "bo")), ref="r2")
    ]
    assert table.do("/unfollow Ada").sent == [
        ViewRequest(room=ROOM, focus=Focus(pod="bench", follow=("bo",)), ref="r3")
    ]
    assert table.do("/follow").lines == ["· following Bo"]
    table.do(Error(ref="r3", code="forbidden", message="the host locked it"))
    assert table.do("/follow").lines == ["· following nobody"]


def test_a_name_that_means_nobody_or_several_is_not_followed() -> None:
    table = inside(members=(ADA, msgspec.structs.replace(ADA, id="adam", name="Adam"), RAE))
    assert table.do("/follow zoe").lines == ["! expected one of those who are here (/who), got nobody of that name"]
    assert table.do("/follow a").lines == ["! expected one of those who are here (/who), got Ada, Adam"]
    assert table.sent == []


def test_a_turn_is_opened_with_what_it_quotes_marked() -> None:
    table = inside().do(turn(1, 41, 42, quote("ada", "one", 41)))
    table.do("/open")
    assert [frame.ref for frame in table.sent if isinstance(frame, History)] == ["r1-cited", "r1-range"]
    page = Page(ref="r1-cited", room=ROOM, stream="raw", items=(message(41, "one and more"),), more=False)
    assert table.do(page).lines == []
    items = (message(41, "one and more"), message(42, "two"))
    assert table.do(Page(ref="r1-range", room=ROOM, stream="raw", items=items, more=True)).lines == [
        "· turn 1 stands for 2 messages; › marks what it shows",
        "› 41 Ada: one and more",
        "  42 Ada: two",
        "· end of turn 1",
    ]
    assert table.do(page).lines == [], "an answer to nothing"


def test_a_turn_of_long_ago_is_asked_for_first() -> None:
    table = inside().do("/open 7")
    assert table.sent == [History(room=ROOM, stream="turns", seqs=(7,), ref="r1")]
    old = turn(7, 3, 4, quote("ada", "x", 3))
    table.do(Page(ref="r1", room=ROOM, stream="turns", items=(old,), more=False))
    assert [frame.ref for frame in table.sent if isinstance(frame, History)] == ["r1-cited", "r1-range"]
    table.do("/open 99").do(Page(ref="r2", room=ROOM, stream="turns", items=(), more=False))
    assert table.lines == ["! expected the number of one of your turns, got 99"]
    assert inside().do("/open").lines == ["! there is no turn to open yet"]


def test_who_comes_and_goes_and_what_is_taken_back_is_told() -> None:
    table = inside()
    assert table.do(Presence(room=ROOM, left=("bo",))).lines == ["· Bo went"]
    assert table.do(Presence(room=ROOM, members=(ADA,), member_count=1)).lines == []
    assert table.do(Presence(room=ROOM, joined=(RAE,))).lines == ["· Rae came"]
    assert table.do(wire.Redacted(room=ROOM, seq=41, by="ada")).lines == [], "it was never shown"
    table.do(message(41, "oh"))
    assert table.do(wire.Redacted(room=ROOM, seq=41, by="ada")).lines == ["· message 41 by Ada was taken back"]


def test_after_a_cut_one_comes_back_with_what_one_has_and_says_what_was_not_said() -> None:
    table = inside().do(turn(1, 41, 42)).do(message(44, "hi", RAE)).do("one").do("/cadence 3")
    table.now = 60.0
    table.do(Lost(1012, "the server is going away"))
    assert table.lines == [
        "! the server is going away; coming back",
        "· what was asked for last was not answered: ask again",
    ]
    assert table.status == ["no connection; next attempt in 1 s"]
    assert table.actions[-1] == Dial(0.5)
    assert table.do("/raw").lines == ["! there is no connection now: try again when it is back"]
    assert table.do("two").lines == []
    assert table.do(Lost(None, "nobody answers")).lines == [], "once is enough"
    join = table.do(Opened()).do(WELCOME).sent[0]
    assert isinstance(join, wire.Join) and join.after == After("e1", 44, 1)
    table.do(joined(head=50))
    assert table.lines == ["· back"]
    assert table.sent == [Say(room=ROOM, id="run-1", text="one", ref="run-1")]


def test_another_log_is_read_from_its_head() -> None:
    table = inside().do(turn(1, 41, 42)).do(Lost(None, "cut")).do(Opened()).do(WELCOME)
    table.do(joined(epoch="e2", recovered=False, head=3))
    assert table.lines == ["· back; the room's log is another one: it goes on from here"]
    assert table.do(turn(1, 4, 5)).lines != [], "its turns are counted from 1"


def test_an_answer_that_does_not_come_ends_the_attempt() -> None:
    table = Table().do(Opened())
    assert table.terminal.deadline() == 10.0
    table.now = 10.0
    assert table.do(Tick()).actions == [Hangup()]
    assert table.terminal.deadline() is None


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            Error(ref="hello", code="conflict", message="the name `Rae` is taken"),
            "! the name `Rae` is taken: --name NAME",
        ),
        (Error(ref="hello", code="unauthorized", message="no\x1b[2Jtoken"), "! no[2Jtoken"),
    ],
)
def test_who_is_not_let_in_is_told_why_and_it_is_over(error: Error, line: str) -> None:
    table = Table().do(Opened()).do(error)
    assert (table.lines, table.quit) == ([line], 1)


def test_a_server_that_is_full_is_asked_again() -> None:
    table = Table().do(Opened()).do(Error(ref="hello", code="unavailable", message="full", retry_after_s=9.0))
    assert table.actions == [Show(table.actions[0].line), Hangup()]  # type: ignore[union-attr]
    assert table.do(Lost(None, "cut")).actions[-1] == Dial(9.0)


def test_one_leaves_when_all_is_said() -> None:
    assert inside().do("/quit").quit == 0
    table = inside().do("one").do("/quit")
    assert (table.quit, table.terminal.deadline()) == (None, machine.LEAVE_SECONDS_MAX)
    assert table.do(Said(ref="run-1", room=ROOM, id="run-1", seq=41, epoch="e1", at="")).quit == 0


def test_one_leaves_in_the_end_also_when_not_all_is_said() -> None:
    table = inside().do("one").do("/quit")
    table.now = machine.LEAVE_SECONDS_MAX
    assert (table.do(Tick()).quit, table.lines) == (1, ["! 1 of your lines was not said"])
    table = inside().do(Lost(None, "cut")).do("one").do("two").do("/quit")
    assert (table.quit, table.lines) == (1, ["! 2 of your lines were not said"])


def test_help_lists_the_commands_and_wrong_ones_are_told() -> None:
    assert any(line.startswith("/cadence 10 ") for line in inside().do("/help").lines)
    assert inside().do("/hepl").lines[0].startswith("! expected a command, got /hepl; the nearest is /help")
