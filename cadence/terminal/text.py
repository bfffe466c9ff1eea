"""A line to show, and text that cannot harm a terminal.

Pure: text in, text out.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

Span = tuple[str, str]  # text and style: "", "dim", "bold", "error", "code", or "hue0" and so on

_BIDI = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAKS = str.maketrans({"\t": "    ", "\u2028": "\n", "\u2029": "\n", "\x85": "\n", "\x0b": "\n", "\x0c": "\n"})


@dataclass(frozen=True, slots=True)
class Line:
    """What is shown together. Rows after the first, broken or wrapped, begin with `indent` spaces.

    The indent also tells a row of one speaker's text from the next speaker's line: names stand at the margin only.
    """

    spans: tuple[Span, ...]
    indent: int = 2

    @property
    def plain(self) -> str:
        """The text without styles, its breaks indented."""
        return "".join(text for text, _ in self.spans).replace("\n", "\n" + " " * self.indent)


def line(*spans: str | Span, indent: int = 2) -> Line:
    """A line of plain texts and styled ones."""
    return Line(tuple((span, "") if isinstance(span, str) else span for span in spans), indent)


def note(text: str) -> Line:
    """What the terminal itself has to say."""
    return line((f"· {text}", "dim"))


def fault(text: str) -> Line:
    """What went wrong, as one sentence."""
    return line((f"! {text}", "error"))


def clean(text: str) -> str:
    """`text` without what would move the cursor, change colours or turn the direction of writing."""
    if text.isascii() and text.isprintable():
        return text
    broken = text.replace("\r\n", "\n").translate(_BREAKS)
    return "".join(char for char in broken if char == "\n" or _harmless(char))


def one_line(text: str) -> str:
    """The same on one row, for names and sentences."""
    return " ".join(clean(text).split())


def _harmless(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cs") and char not in _BIDI
