"""What happens in the terminal: frames, typed lines and cuts go in, lines to print and frames to send come out.

Pure: `now` is in seconds of any clock that never goes back.
"""

from __future__ import annotations

from collections import deque
from datetime import tzinfo

import msgspec
from msgspec import UNSET, Struct

from cadence.client.link import Link, Refused, State
from cadence.client.saying import Saying
from cadence.rooms import wire
from cadence.rooms.wire import History, Message, Turn, View, ViewRequest
from cadence.terminal import commands, paint
from cadence.terminal.commands import Command
from cadence.terminal.events import (
    Action,
    Dial,
    Event,
    Hangup,
    Lost,
    Opened,
    Quit,
    Received,
    Send,
    Show,
    Status,
    Tick,
    Typed,
)
from cadence.terminal.kept import Kept
from cadence.terminal.opening import Opening
from cadence.terminal.people import People
from cadence.terminal.text import Line, fault, line, note, one_line

EARLY_LINES_MAX = 100  # typed before we are in
ASKED_MAX = 50  # requests without an answer
LEAVE_SECONDS_MAX = 5.0  # for what was typed last


class Terminal:
    """One reader of one room. Begin with `start`, then `handle` every event; call again at `deadline`."""

    def __init__(self, room: str, *, name: str | None, token: str | None, run_id: str, zone: tzinfo) -> None:
        self._room = room
        self._zone = zone
        self._link = Link("human", name, token, client="cadence join")
        self._here = self._link.enter(room)
        self._saying = Saying()
        self._run_id = run_id
        self._said = 0
        self._people = People()
        self._title = room
        self._view: View | None = None
        self._follow: tuple[str, ...] = ()  # as asked for, which the server may not have answered yet
        self._alex: wire.Alex | None = None
        self._kept = Kept()
        self._asked: dict[str, Opening | None] = {}  # by ref: requests without an answer
        self._refs = 0
        self._early: deque[str] = deque()
        self._leave_by: float | None = None
        self._was_inside = False
        self._out: list[Action] = []

    @property
    def full(self) -> bool:
        """Whether to wait before another line is typed."""
        return self._saying.full or len(self._early) >= EARLY_LINES_MAX

    def deadline(self) -> float | None:
        """When `Tick` is due, None if nothing is waited for."""
        due = (self._link.deadline, self._saying.due, self._leave_by)
        return min((at for at in due if at is not None), default=None)

    def start(self) -> list[Action]:
        """What to do first."""
        return [Dial(0.0)]

    def handle(self, event: Event, now: float) -> list[Action]:
        """What follows from `event`."""
        self._out = []
        try:
            match event:
                case Opened():
                    self._send(self._link.opened(now))
                case Received():
                    self._receive(event.frame, now)
                case Lost():
                    self._lost(event, now)
                case Typed():
                    self._typed(event.text, now)
                case Tick() if self._link.deadline is not None and now >= self._link.deadline:
                    self._link.deadline = None
                    self._out.append(Hangup())
            self._proceed(now)
        except Refused as refused:
            self._show(fault(one_line(f"{refused}{': --name NAME' if refused.code == 'conflict' else ''}")))
            self._out.append(Quit(1))
        return self._out

    # The connection.

    def _lost(self, event: Lost, now: float) -> None:
        wait = self._link.lost(event.code, event.reason, now)
        self._saying.cut()
        if self._was_inside:
            self._show(fault(f"{one_line(event.reason)}; coming back"))
            self._was_inside = False
        if self._asked:
            self._asked.clear()
            self._show(note("what was asked for last was not answered: ask again"))
        self._out.append(Status(f"no connection; next attempt in {max(wait, 1.0):.0f} s", "no connection"))
        self._out.append(Dial(wait))

    def _joined(self, frame: wire.Joined, now: float) -> None:
        first, same_log = self._here.epoch is None, self._here.epoch == frame.epoch
        goes_on = self._link.joined(frame, now)
        self._people.whole(frame.members, frame.member_count)
        self._title, self._was_inside, self._alex = frame.title, True, None
        before, self._view = self._view, frame.view
        self._follow = frame.view.focus.follow if frame.view is not None else ()
        if first:
            you = f" · you are {self._link.you.name}" if self._link.you else ""
            here = f"{frame.member_count} here{you} · /help"
            self._show(line((one_line(frame.title), "bold"), (f" · {one_line(here)}", "dim")))
            self._show_all(paint.view_lines(None, frame.view, self._people) if frame.view is not None else [])
        elif goes_on:
            self._show(note("back"))
        else:
            if not same_log:
                self._kept = Kept()
            why = "more was missed than can be sent" if same_log else "the room's log is another one"
            self._show(note(f"back; {why}: it goes on from here"))
        if before is not None and frame.view is not None:
            self._show_all(paint.view_lines(before, frame.view, self._people))
        self._show_status()
        while self._early:
            self._typed(self._early.popleft(), now)

    # What comes.

    def _receive(self, frame: wire.ServerFrame, now: float) -> None:
        match frame:
            case wire.Welcome():
                self._people.meet([frame.you])
                self._out += map(Send, self._link.welcomed(frame, now))
            case wire.Joined():
                self._joined(frame, now)
            case wire.Message():
                self._message(frame)
            case wire.Turn():
                self._turn(frame)
            case wire.Said():
                self._saying.said(frame.id)
            case wire.Alex():
                self._alex = frame
                self._show_status()
            case wire.ViewReply():
                self._viewed(frame)
            case wire.Presence():
                self._presence(frame)
            case wire.Page():
                self._page(frame)
            case wire.Redacted():
                author = self._kept.authors.get(frame.seq) if frame.room == self._room else None
                if author is not None:  # else it was never shown here, or overheard from another room
                    self._show(note(f"message {frame.seq} by {self._people.name(author)} was taken back"))
            case wire.Reconnect():
                self._link.going(frame.after_s)
            case wire.Error():
                self._error(frame, now)

    def _message(self, message: Message) -> None:
        self._people.meet([message.from_])
        self._kept.remember(message.from_.id, [message.seq])
        if message.seq > self._here.seq:
            self._here.seq = message.seq
            mine = self._link.you is not None and message.from_.id == self._link.you.id
            self._show_all(paint.message_lines(message, self._people, self._zone, mine=mine))

    def _turn(self, turn: Turn) -> None:
        self._asked.pop(str(turn.ref), None)
        if turn.turn <= self._here.turn:
            return
        self._here.turn = turn.turn
        self._kept.keep(turn)
        self._show_all(paint.turn_lines(turn, self._people, self._kept.authors, self._zone))

    def _viewed(self, frame: wire.ViewReply) -> None:
        mine = frame.ref in self._asked
        self._asked.pop(str(frame.ref), None)
        if self._link.you is None or frame.participant != self._link.you.id:
            return
        changes = paint.view_lines(self._view, frame.view, self._people)
        if not mine and changes and frame.set_by != self._link.you.id:
            self._show(note(f"{self._people.name(frame.set_by)} changed how you read:"))
        self._view, self._follow = frame.view, frame.view.focus.follow
        if self._raw:
            self._alex = None
        self._show_all(changes or ([note("that is how you read already")] if mine else []))
        self._show_status()

    def _presence(self, frame: wire.Presence) -> None:
        if frame.members is not UNSET:
            count = len(frame.members) if frame.member_count is UNSET else frame.member_count
            self._people.whole(frame.members, count)
        joined = () if frame.joined is UNSET else frame.joined
        came, went = self._people.changed(joined, () if frame.left is UNSET else frame.left)
        for ids, verb in ((came, "came"), (went, "went")):
            if ids:
                self._show(note(f"{paint.names(ids, self._people)} {verb}"))
        self._show_status()

    def _error(self, error: wire.Error, now: float) -> None:
        if self._link.concerns(error):
            self._show(fault(one_line(self._link.refused(error))))
            self._out.append(Hangup())
            return
        ref = str(error.ref)
        if ref in self._asked:
            opening = self._asked.pop(ref)
            if opening is not None:
                opening.waiting.discard(ref)
            self._follow = self._view.focus.follow if self._view is not None else ()
        elif not self._saying.refused(error, now):
            return
        self._show(fault(one_line(error.message)))
        if error.code == "not_joined":
            self._out.append(Hangup())

    # What is typed.

    def _typed(self, text: str, now: float) -> None:
        command = commands.parse(text)
        if isinstance(command, commands.Wrong):
            self._show(fault(command.sentence))
        elif command == commands.Plain("help"):
            self._show_all([line((f"{what:<15}", "bold"), f" {does}", indent=16) for what, does in commands.HELP])
        elif self._link.state is State.INSIDE and command is not None:
            self._obey(command, now)
        elif self._here.epoch is None and command is not None and (self._early or command != commands.Plain("quit")):
            if self.full:
                self._show(fault(f"expected at most {EARLY_LINES_MAX} lines before the room is open, got more"))
            else:
                self._early.append(text)
        elif isinstance(command, commands.Talk):
            self._say(command.text)
        elif command == commands.Plain("quit"):
            self._leave()
        elif command is not None:
            self._show(fault("there is no connection now: try again when it is back"))

    def _obey(self, command: Command, now: float) -> None:
        match command:
            case commands.Talk():
                self._say(command.text)
            case commands.SetMode():
                self._ask_view(ViewRequest(room=self._room, mode=command.mode))
            case commands.SetCadence():
                self._ask_view(ViewRequest(room=self._room, cadence_s=command.seconds))
            case commands.Follow():
                self._ask_follow(command)
            case commands.AskAlex():
                self._ask(command)
            case commands.Open():
                self._open(command.turn)
            case commands.Plain(what="who"):
                self._show_all(paint.who_lines(self._people, self._follow))
            case commands.Plain(what="quit"):
                self._leave_by = now + LEAVE_SECONDS_MAX

    def _say(self, text: str) -> None:
        if self._saying.full:
            self._show(fault(f"{len(self._saying)} lines are not said yet: wait until they are"))
        else:
            self._said += 1
            id = f"{self._run_id}-{self._said}"
            self._saying.add(wire.Say(room=self._room, id=id, text=text, ref=id))

    def _ask_view(self, request: ViewRequest) -> None:
        if (ref := self._next_ref()) is not None:
            self._asked[ref] = None
            self._send(msgspec.structs.replace(request, ref=ref))

    def _ask_follow(self, command: commands.Follow) -> None:
        if command.name is None:
            followed = paint.names(self._follow, self._people) or "nobody"
            self._show(note(f"following {followed}"))
            return
        if (found := self._find(command.name)) is None:
            return
        rest = tuple(id for id in self._follow if id != found)
        self._follow = (*rest, found) if command.wanted else rest
        focus = self._view.focus if self._view is not None else wire.Focus()
        self._ask_view(ViewRequest(room=self._room, focus=msgspec.structs.replace(focus, follow=self._follow)))

    def _find(self, name: str) -> str | None:
        """The id of the one person here who is called so; else says that there is none."""
        found = self._people.find(name)
        if len(found) == 1:
            return found[0]
        got = f"{paint.names(found, self._people)}" if found else "nobody of that name"
        self._show(fault(f"expected one of those who are here (/who), got {got}"))
        return None

    def _ask(self, command: commands.AskAlex) -> None:
        speaker = self._find(command.about) if command.what == "speaker" else ""
        if speaker is not None and (ref := self._next_ref()) is not None:
            self._asked[ref] = None
            self._send(command.request(self._room, speaker, ref))

    def _open(self, number: int | None) -> None:
        wanted = number if number is not None else self._kept.last
        if wanted is None:
            self._show(fault("there is no turn to open yet"))
        elif (ref := self._next_ref()) is not None:
            if (known := self._kept.opening(wanted)) is not None:
                self._fetch(known, ref)
            else:
                self._asked[ref] = Opening(wanted, frozenset())
                self._send(History(room=self._room, stream="turns", seqs=(wanted,), ref=ref))

    def _fetch(self, opening: Opening, ref: str) -> None:
        requests = opening.requests(self._room, ref)
        for request in requests:
            self._asked[str(request.ref)] = opening
            self._send(request)
        if not requests:
            self._show(note(f"turn {opening.number} stands for nothing"))

    def _page(self, page: wire.Page) -> None:
        opening = self._asked.pop(str(page.ref), None)
        if opening is None:
            return
        if page.stream == "turns":
            turns = [item for item in page.items if isinstance(item, Turn)]
            if turns:
                self._fetch(Opening.of(turns[0]), str(page.ref))
            else:
                self._show(fault(f"expected the number of one of your turns, got {opening.number}"))
            return
        more = opening.take(page)
        if more is not None:
            self._asked[str(more.ref)] = opening
            self._send(more)
        if not opening.waiting:
            self._show_originals(opening)

    def _show_originals(self, opening: Opening) -> None:
        messages = opening.messages
        self._people.meet(message.from_ for message in messages)
        many = "1 message" if len(messages) == 1 else f"{len(messages)} messages"
        self._show(note(f"turn {opening.number} stands for {many}; › marks what it shows"))
        self._show_all(paint.original_lines(messages, opening.cited, self._people))
        if opening.left_out:
            self._show(note(f"and {opening.left_out} more of that time, too many to print"))
        self._show(note(f"end of turn {opening.number}"))

    # The end, and small things.

    def _proceed(self, now: float) -> None:
        """Say what waits, and leave when all is said that is to be said."""
        if self._link.state is State.INSIDE and (say := self._saying.next(now)) is not None:
            self._send(say)
        if self._leave_by is not None and (now >= self._leave_by or not (self._saying or self._asked)):
            self._leave()

    def _leave(self) -> None:
        if unsaid := len(self._saying):
            self._show(fault(f"{unsaid} of your lines {'was' if unsaid == 1 else 'were'} not said"))
        self._out.append(Quit(1 if unsaid else 0))

    @property
    def _raw(self) -> bool:
        return self._view is not None and self._view.mode == "raw"

    def _next_ref(self) -> str | None:
        if len(self._asked) >= ASKED_MAX:
            self._show(fault(f"{ASKED_MAX} requests wait for an answer: wait for one"))
            return None
        self._refs += 1
        return f"r{self._refs}"

    def _send(self, frame: Struct) -> None:
        self._out.append(Send(frame))

    def _show(self, one: Line) -> None:
        self._out.append(Show(one))

    def _show_all(self, lines: list[Line]) -> None:
        self._out.extend(Show(one) for one in lines)

    def _show_status(self) -> None:
        if self._link.state is State.INSIDE:
            state = "raw" if self._raw else paint.STATES[self._alex.state] if self._alex else "quiet"
            text = paint.status(self._alex, self._view, self._title, self._people.count)
            self._out.append(Status(text, state))
