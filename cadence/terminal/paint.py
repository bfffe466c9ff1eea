"""Turns, messages and what Alex is doing, as lines.

Pure: frames in, lines out. `zone` is the reader's, for the time of day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo

from msgspec import UnsetType

from cadence.rooms.wire import Alex, Message, Part, Segment, Turn, View
from cadence.terminal.people import People
from cadence.terminal.text import Line, Span, clean, line, note, one_line

NAMES_MAX = 12  # in one line
STATES = {
    "idle": "quiet",
    "passthrough": "word for word",
    "paraphrasing": "condensing",
    "rate_limiting": "holding back",
    "catching_up": "catching up",
}
MODES = {
    "paraphrase": "a turn every few seconds, in the speakers' own words",
    "paced": "whole messages, as fast as you read",
    "raw": "every message at once",
}
REMOVED: Span = ("(taken back)", "dim")


def time_of_day(at: str, zone: tzinfo) -> str:
    """HH:MM:SS at the reader's."""
    try:
        return datetime.fromisoformat(at).astimezone(zone).strftime("%H:%M:%S")
    except (ValueError, OverflowError):
        return "--:--:--"


def turn_lines(turn: Turn, people: People, authors: Mapping[int, str], zone: tzinfo) -> list[Line]:
    """A turn: a header, and a line for each segment. `authors` tells who said what is objected to."""
    carried = ""
    if turn.covers is not None and turn.covers.messages:
        carried = f" · {_count(turn.covers.messages, 'message')}, {_count(turn.covers.words, 'word')}"
    kind = {"catch_up": " · while you were away", "answer": " · Alex answers"}.get(turn.mode, "")
    lines = [line((f"── {turn.turn} · {time_of_day(turn.at, zone)}{kind}{carried}", "dim"))]
    if not turn.segments:
        lines.append(note("nothing was found" if turn.mode == "answer" else "nothing in them to show"))
    for segment in turn.segments:
        lines += _segment_lines(turn.turn, segment, people, authors)
    return lines


def message_lines(message: Message, people: People, zone: tzinfo, *, mine: bool = False) -> list[Line]:
    """A message as it was said."""
    shown, style = people.span(message.from_.id)
    who: Span = (shown, f"{style} bold" if message.from_.kind == "human" or mine else style)
    time: Span = (f"{time_of_day(message.at, zone)[:5]} ", "dim")
    return _with_parts(line(time, who, ": ", *_body(message)), message.parts)


def original_lines(messages: Iterable[Message], cited: frozenset[int], people: People) -> list[Line]:
    """What a turn stands for; what it quoted is marked."""
    lines: list[Line] = []
    for message in messages:
        quoted = message.seq in cited
        mark: Span = (f"{'›' if quoted else ' '} {message.seq} ", "" if quoted else "dim")
        text = _body(message, "" if quoted else "dim")
        lines += _with_parts(line(mark, people.span(message.from_.id), ": ", *text, indent=4), message.parts)
    return lines


def who_lines(people: People, followed: Iterable[str]) -> list[Line]:
    """Who is here: people, then agents; a star for those who are followed."""
    stars = set(followed)
    lines = []
    for kind, title in (("human", "people"), ("agent", "agents")):
        ids = sorted((id for id, one in people.here.items() if one.kind == kind), key=lambda id: people.name(id))
        if ids:
            spans: list[str | Span] = [(f"· {title} ({len(ids)}): ", "dim")]
            for number, id in enumerate(ids):
                spans += [", "] if number else []
                spans += [people.span(id)] + (["*"] if id in stars else [])
            lines.append(line(*spans))
    unlisted = people.count - len(people.here)
    return [*lines, note(f"and {unlisted} more")] if unlisted > 0 else lines or [note("nobody is here")]


def names(ids: Iterable[str], people: People) -> str:
    """Some names, the rest counted."""
    known = [people.name(id) for id in ids]
    rest = len(known) - NAMES_MAX
    return ", ".join(known[:NAMES_MAX]) + (f" and {rest} more" if rest > 0 else "")


def status(alex: Alex | None, view: View | None, title: str, here: int) -> str:
    """What stands below: what Alex does, what is behind, how one reads, where."""
    pieces = []
    if view is not None and view.mode == "raw":
        pieces.append("raw")
    else:
        pieces.append(STATES[alex.state] if alex is not None else "quiet")
        if alex is not None and alex.behind.messages:
            behind = alex.behind
            pieces.append(f"{behind.messages} behind ({behind.words} words, {behind.seconds:.0f} s)")
        if view is not None:
            pieces.append("paced" if view.mode == "paced" else f"every {view.cadence_s:g} s")
    return " · ".join([*pieces, f"{here} here", one_line(title)])


def view_lines(before: View | None, view: View, people: People) -> list[Line]:
    """What changed of how one reads."""
    found = []
    if before is None or before.mode != view.mode:
        found.append(f"{view.mode}: {MODES[view.mode]}")
    if before is None or before.cadence_s != view.cadence_s:
        found.append(f"a turn every {view.cadence_s:g} s")
    followed = view.focus.follow
    if (before.focus.follow if before is not None else ()) != followed:
        found.append(f"following {names(followed, people)}" if followed else "following nobody")
    for field in ("pace_wpm", "sigma", "interests", "whisper", "auto"):
        if before is not None and getattr(before, field) != getattr(view, field):
            found.append(f"{field} is now {one_line(str(getattr(view, field)))}")
    return [note(text) for text in found]


def _segment_lines(turn: int, segment: Segment, people: People, authors: Mapping[int, str]) -> list[Line]:
    whispered = segment.kind == "whisper"  # Alex's own words about the speakers
    spans: list[str | Span] = [("Alex, quietly", "dim")] if whispered else []
    for number, id in enumerate(() if whispered else segment.speakers):
        spans += [" and "] if number else []
        spans.append(people.span(id))
    if segment.kind == "ambient":
        where = f" in {one_line(segment.room)}" if isinstance(segment.room, str) else ""
        spans.append((f" (overheard{where})", "dim"))
    spans.append(": ")
    if segment.redacted is True:
        return [line(*spans, REMOVED)]
    part = segment.part
    if isinstance(part, UnsetType):
        spans.append(clean(_own_words(segment, people)))
    elif part.folded:
        spans += [("[", "dim"), clean(segment.text), (f", /open {turn} shows it]", "dim")]
    else:
        spans += [(_label(part.kind, part.name, part.lang), "dim"), ("\n" + clean(segment.text).rstrip("\n"), "code")]
    return [line(*spans, *_remarks(segment, people, authors), indent=2 if isinstance(part, UnsetType) else 4)]


def _own_words(segment: Segment, people: People) -> str:
    """The text without the name it begins with, which stands before it already."""
    named = segment.kind in ("answer", "catch_up") and len(segment.speakers) == 1
    return segment.text.removeprefix(f"{people.name(segment.speakers[0])}: ") if named else segment.text


def _remarks(segment: Segment, people: People, authors: Mapping[int, str]) -> list[Span]:
    found: list[Span] = []
    if isinstance(segment.objects_to, int):
        author = authors.get(segment.objects_to)
        found.append((f" (against {people.name(author) if author else f'message {segment.objects_to}'})", "dim"))
    if isinstance(segment.agree, int) and segment.agree:
        found.append((f" (+{segment.agree} {'agrees' if segment.agree == 1 else 'agree'})", "dim"))
    if isinstance(segment.again, int) and segment.again:
        found.append((f" (+{segment.again} again)", "dim"))
    return found


def _body(message: Message, style: str = "") -> list[Span]:
    return [REMOVED] if message.redacted else [(clean(message.text), style)]


def _with_parts(first: Line, parts: Iterable[Part]) -> list[Line]:
    lines = [first]
    for part in parts:
        label = _label(part.kind, part.name, part.lang)
        lines.append(line((f"    {label}", "dim"), ("\n" + clean(part.body).rstrip("\n"), "code"), indent=4))
    return lines


def _label(kind: str, name: object, lang: object) -> str:
    return one_line(" · ".join([kind, *(text for text in (name, lang) if isinstance(text, str))]))


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
