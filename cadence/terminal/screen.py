"""Where lines go: a terminal with a status and a prompt below them, or a pipe that only grows."""

from __future__ import annotations

from typing import Protocol

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from cadence.terminal.text import Line

STATUS_SECONDS_MIN = 10.0  # between two lines of status in a pipe
WIDTH_MIN = 8  # columns left for a row after its indent
HUES = (
    "cyan",
    "magenta",
    "green",
    "yellow",
    "blue",
    "red",
    "bright_cyan",
    "bright_magenta",
    "bright_green",
    "bright_yellow",
    "bright_blue",
    "bright_red",
)
STYLES = {"dim": "dim", "bold": "bold", "error": "red", "code": "dim"}


class Screen(Protocol):
    """Shows lines. Every method raises `BrokenPipeError` if nobody takes them any more."""

    def show(self, line: Line) -> None:
        """Print a line."""

    def status(self, text: str, state: str, now: float) -> None:
        """This is how things stand."""

    def typed(self, text: str) -> None:
        """This stands in the prompt."""

    def redraw(self) -> None:
        """The size may have changed."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class PlainScreen:
    """Lines after each other, for pipes and files, errors apart from them; the status where it is news."""

    def __init__(self, console: Console, errors: Console) -> None:
        self._console = console
        self._errors = errors
        self._state = ""
        self._stated_at: float | None = None

    def show(self, line: Line) -> None:
        failed = any(style == "error" for _, style in line.spans)
        (self._errors if failed else self._console).print(styled(line, broken=True), soft_wrap=True)

    def status(self, text: str, state: str, now: float) -> None:
        recent = self._stated_at is not None and now - self._stated_at < STATUS_SECONDS_MIN
        if state != self._state and not recent:
            self._state, self._stated_at = state, now
            self._console.print(Text(f"[{text}]", "dim"), soft_wrap=True)

    def typed(self, text: str) -> None:
        pass

    def redraw(self) -> None:
        pass

    def close(self) -> None:
        pass


class LiveScreen:
    """Lines above, and below them the status and what is being typed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = "connecting"
        self._typed = ""
        self._live = Live(
            console=console,
            get_renderable=self._below,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def show(self, line: Line) -> None:
        self._console.print(wrapped(line, self._console))

    def status(self, text: str, state: str, now: float) -> None:
        self._status = text
        self._live.refresh()

    def typed(self, text: str) -> None:
        self._typed = text
        self._live.refresh()

    def redraw(self) -> None:
        self._live.refresh()

    def close(self) -> None:
        self._live.stop()

    def _below(self) -> Group:
        width = max(self._console.width, WIDTH_MIN)
        status = Text(self._status, "reverse dim", no_wrap=True, overflow="ellipsis")
        status.truncate(width, overflow="ellipsis", pad=True)
        return Group(
            status, Text.assemble(("> ", "bold"), tail(self._typed, width - 4), (" ", "reverse"), no_wrap=True)
        )


def styled(line: Line, *, broken: bool = False) -> Text:
    """`line` as rich text; `broken`: rows after a line break are indented here and now."""
    text = Text(no_wrap=False, end="\n")
    for span, style in line.spans:
        text.append(span.replace("\n", "\n" + " " * line.indent) if broken else span, _style(style))
    return text


def wrapped(line: Line, console: Console) -> Text:
    """`line` broken into rows as wide as the terminal, all but the first indented."""
    width = max(console.width - line.indent, WIDTH_MIN)
    rows = styled(line).wrap(console, width)
    return Text("\n" + " " * line.indent).join(row for row in rows)


def tail(text: str, width: int) -> str:
    """The end of `text` that fits `width` columns."""
    shown = text[-max(width, 1) :]
    while shown and cell_len(shown) > width:
        shown = shown[1:]
    return shown


def _style(name: str) -> str:
    words = [HUES[int(word[3:])] if word.startswith("hue") else STYLES.get(word, "") for word in name.split()]
    return " ".join(words)
