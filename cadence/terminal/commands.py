"""What a typed line asks for.

Pure: text in, commands out.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from msgspec import UNSET

from cadence.rooms.wire import Ask, AskWhat, Mode

HELP = (
    ("text", "say it; a line that shall begin with / begins with //"),
    ("/paraphrase", "a turn every few seconds, in the speakers' own words"),
    ("/paced", "whole messages, as fast as you read"),
    ("/raw", "everything at once"),
    ("/cadence 10", "a turn every 10 seconds, 1 to 30"),
    ("/follow NAME", "hear more of somebody; without a name: whom you follow"),
    ("/unfollow NAME", "no longer"),
    ("/ask", "what you missed; /ask room: what was said here; /ask @NAME: what somebody said"),
    ("/ask WORDS", "a question of your own, answered in quotes"),
    ("/open 12", "the messages that turn 12 stands for; without a number: the last turn"),
    ("/who", "who is here"),
    ("/quit", "leave (Ctrl-D, Ctrl-C)"),
)
QUESTION_CHARACTERS_MAX = 500
MODES: tuple[Mode, ...] = ("paraphrase", "paced", "raw")
_NAMES = (*MODES, "cadence", "follow", "unfollow", "ask", "open", "who", "help", "quit")


@dataclass(frozen=True, slots=True)
class Talk:
    """Say `text` in the room."""

    text: str


@dataclass(frozen=True, slots=True)
class SetMode:
    mode: Mode


@dataclass(frozen=True, slots=True)
class SetCadence:
    seconds: float


@dataclass(frozen=True, slots=True)
class Follow:
    """Follow `name`, or no longer; None asks who is followed."""

    name: str | None
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class AskAlex:
    """Ask `what`; `about` is a name or a question."""

    what: AskWhat
    about: str = ""

    def request(self, room: str, speaker: str, ref: str) -> Ask:
        """The frame that asks; `speaker` is the id of who is asked about."""
        text = self.about if self.what == "question" else UNSET
        return Ask(room=room, what=self.what, speaker=speaker or UNSET, text=text, ref=ref)


@dataclass(frozen=True, slots=True)
class Open:
    """Show the originals of a turn, None: of the last."""

    turn: int | None


@dataclass(frozen=True, slots=True)
class Plain:
    """A command without arguments."""

    what: Literal["who", "help", "quit"]


@dataclass(frozen=True, slots=True)
class Wrong:
    """No command; `sentence` says what was expected."""

    sentence: str


Command = Talk | SetMode | SetCadence | Follow | AskAlex | Open | Plain | Wrong


def parse(typed: str) -> Command | None:
    """What `typed` asks for, None if it is nothing but space."""
    text = typed.strip()
    if not text:
        return None
    if not text.startswith("/") or text.startswith("//"):
        return Talk(text[1:] if text.startswith("//") else text)
    word, _, argument = text[1:].partition(" ")
    name, argument = word.casefold(), argument.strip()
    if name not in _NAMES:
        near = difflib.get_close_matches(name, _NAMES, 1)
        hint = f"the nearest is /{near[0]}" if near else "/help lists them"
        return Wrong(f"expected a command, got /{word[:40]}; {hint} (// says a line that begins with /)")
    return _command(name, argument)


def _command(name: str, argument: str) -> Command:
    if name == "cadence":
        return _cadence(argument)
    if name == "follow":
        return Follow(argument or None)
    if name == "unfollow":
        return Follow(argument, wanted=False) if argument else Wrong("expected a name after /unfollow")
    if name == "ask":
        return _ask(argument)
    if name == "open":
        return _open(argument)
    if argument:
        return Wrong(f"expected nothing after /{name}, got {argument[:40]!r}")
    for mode in MODES:
        if name == mode:
            return SetMode(mode)
    return Plain("who" if name == "who" else "quit" if name == "quit" else "help")


def _cadence(argument: str) -> Command:
    try:
        seconds = float(argument.removesuffix("s").strip())
    except ValueError:
        seconds = 0.0
    if not 1.0 <= seconds <= 30.0:
        return Wrong(f"expected seconds from 1 to 30 after /cadence, got {argument[:40]!r}")
    return SetCadence(seconds)


def _ask(argument: str) -> Command:
    if not argument:
        return AskAlex("catch_up")
    if argument.casefold() == "room":
        return AskAlex("room")
    if argument.startswith("@"):
        return AskAlex("speaker", argument[1:].strip()) if argument[1:].strip() else Wrong("expected a name after @")
    if len(argument) > QUESTION_CHARACTERS_MAX:
        return Wrong(f"expected a question of at most {QUESTION_CHARACTERS_MAX} characters, got {len(argument)}")
    return AskAlex("question", argument)


def _open(argument: str) -> Command:
    number = argument.removeprefix("#")
    if not number:
        return Open(None)
    if not number.isdecimal() or len(number) > 12 or int(number) < 1:
        return Wrong(f"expected the number of a turn after /open, got {argument[:40]!r}")
    return Open(int(number))
