"""Logs of IRC channels, as clients and bots have written them since the nineties.

    [12:18] <ada> hello                          HH:MM or HH:MM:SS, with or without brackets
    [12:18]  * ada waves                         an action
    [12:18] -echo- hello                         a notice
    room 2010-11-08 [12:18:03] <ada> hello       the channel and the day in front
    === ada has joined                           who came, went or changed a name; such lines say nothing

Speakers are called by their nicks. Who changed the nick is another speaker from then on, because the others
address them by the new one. An action is said as `*waves*`. Gaps are those of the log, at most
`GAP_SECONDS_MAX`; where the log has minutes only, lines of one minute are spread evenly over it. A time that goes
back by more than an hour is of another day.

Pure: text in, utterances out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, islice

from cadence.personas.formats.pieces import TEXT_BYTES_MAX, split_text
from cadence.personas.formats.talk import Speakers, Utterance, gap
from cadence.personas.script import Line

BACKWARDS_SECONDS_MAX = 3600.0  # clocks that are put right or back to winter; more than that is another day
MINUTE_LINES_MAX = 1000  # spread over one minute together
DAY_SECONDS = 86400.0

_DAY = r"(?:(?:\S{1,200} )?(?P<day>\d{4}-\d\d-\d\d)[ T])?"
_TIME = r"\[?(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d|60))?\]?\s+"
_SPEECH = r"<[ @+%&~]?(?P<nick>[^<>]{1,64})> ?(?P<text>.*)"
_ACTION = r"\* (?P<actor>\S{1,64})(?: (?P<action>.*))?"
_NOTICE = r"-(?P<sender>[^\s!-][^\s!]{0,63})- (?P<notice>.*)"
_SAID = re.compile(f"{_DAY}{_TIME}(?:{_SPEECH}|{_ACTION}|{_NOTICE})$", re.DOTALL)
_EVENT = re.compile(rf"{_DAY}=== \S")
_CODES = re.compile(r"\x03(?:\d{1,2}(?:,\d{1,2})?)?|\t|[\x00-\x1f\x7f]")  # colours, bold and the like


@dataclass(frozen=True, slots=True)
class _Said:
    at: float  # seconds since the first line
    exact: bool  # to the second
    nick: str
    text: str


def begins(lines: Sequence[str]) -> bool:
    """Whether a file that begins so is of this format."""
    return any(_SAID.match(line.rstrip()) or _EVENT.match(line) for line in lines)


def read(lines: Iterable[str]) -> Iterator[Utterance]:
    """What was said, as it was said; lines that are no speech are left out."""
    speakers = Speakers()
    before: float | None = None
    number = 0
    for said in _spread(_parse(lines)):
        after_s = gap(before, said.at)
        before = said.at
        for piece in split_text(said.text, TEXT_BYTES_MAX):
            number += 1
            yield Utterance(said.nick, Line(number, speakers.id(said.nick), piece, after_s=after_s))
            after_s = 0.0


def _parse(lines: Iterable[str]) -> Iterator[_Said]:
    before: float | None = None
    at = 0.0
    for line in lines:
        found = _SAID.match(line.rstrip())
        if found is None:
            continue
        shown = _shown(found)
        if shown is None:
            continue
        at += 0.0 if before is None else _step(shown - before)
        before = shown
        nick = _plain(found["nick"] or found["actor"] or found["sender"])
        text = _plain(found["text"] or found["notice"] or "") or _acted(found["action"])
        if nick and text:
            yield _Said(at, found["second"] is not None, nick, text)


def _shown(found: re.Match[str]) -> float | None:
    """The time as the log shows it, in seconds since some midnight; None if that is no day."""
    seconds = int(found["hour"]) * 3600.0 + int(found["minute"]) * 60.0 + int(found["second"] or 0)
    try:
        return seconds + (date.fromisoformat(found["day"]).toordinal() * DAY_SECONDS if found["day"] else 0.0)
    except ValueError:
        return None


def _step(seconds: float) -> float:
    """How far time went on; clocks of twelve hours and logs without days go back where time does not."""
    if seconds >= 0.0:
        return seconds
    return 0.0 if seconds >= -BACKWARDS_SECONDS_MAX else seconds % DAY_SECONDS


def _spread(said: Iterable[_Said]) -> Iterator[_Said]:
    """The same, where lines known to the minute only share it evenly."""
    for (_, exact), group in groupby(said, key=lambda one: (one.at, one.exact)):
        while together := list(islice(group, MINUTE_LINES_MAX)):
            for number, one in enumerate(together):
                shift = 0.0 if exact else 60.0 * number / len(together)
                yield _Said(one.at + shift, exact, one.nick, one.text)


def _acted(action: str | None) -> str:
    text = _plain(action or "")
    return f"*{text}*" if text else ""


def _plain(text: str) -> str:
    return _CODES.sub(lambda code: " " if code[0] == "\t" else "", text).strip()
