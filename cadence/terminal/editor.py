"""Keys to lines: a line being typed in a terminal, and lines out of a pipe.

Pure: bytes in, lines out.
"""

from __future__ import annotations

import codecs

LINE_CHARS_MAX = 16_000
ESCAPE_CHARS_MAX = 32
_ENTER, _BACKSPACE, _ESCAPE = "\r\n", "\x7f\x08", "\x1b"
_END, _ERASE, _ERASE_WORD = "\x04", "\x15", "\x17"  # Ctrl-D, Ctrl-U, Ctrl-W
_UP, _DOWN = "A", "B"


class Pipe:
    """Lines of a stream; one longer than `LINE_CHARS_MAX` comes in pieces."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete now; b"" is the end of the stream."""
        *lines, self._rest = (self._rest + self._decode(data, final=not data)).split("\n")
        if self._rest and (not data or len(self._rest) > LINE_CHARS_MAX):
            lines.append(self._rest)
            self._rest = ""
        return [piece for line in lines for piece in _pieces(line)]


class Editor:
    """A line being typed: `text` is what stands there now. Arrow up brings the last line back."""

    def __init__(self) -> None:
        self.text = ""
        self._last = ""
        self._escape = ""  # an escape sequence, as far as it has come
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def feed(self, data: bytes) -> list[str]:
        """The lines that were entered; Ctrl-D on an empty line, or the end, is `/quit`."""
        entered = [line for char in self._decode(data) if (line := self._key(char)) is not None]
        return entered if data else [*entered, "/quit"]

    def _key(self, char: str) -> str | None:
        if self._escape or char == _ESCAPE:
            self._sequence(char)
        elif char in _ENTER:
            entered, self.text = self.text, ""
            self._last = entered or self._last
            return entered
        elif char == _END:
            return None if self.text else "/quit"
        elif char in _BACKSPACE:
            self.text = self.text[:-1]
        elif char == _ERASE:
            self.text = ""
        elif char == _ERASE_WORD:
            kept, space, _ = self.text.rstrip().rpartition(" ")
            self.text = kept + space
        elif char.isprintable() and len(self.text) < LINE_CHARS_MAX:
            self.text += char
        return None

    def _sequence(self, char: str) -> None:
        """Swallow an escape sequence (ESC [ or O, parameters, one letter or ~); a lone ESC takes the next key."""
        self._escape += char
        if len(self._escape) < 2 or (len(self._escape) == 2 and char in "[O"):
            return
        arrow = self._escape[1] in "[O"
        if arrow and not ("@" <= char <= "~") and len(self._escape) < ESCAPE_CHARS_MAX:
            return
        self._escape = ""
        if arrow and char in (_UP, _DOWN):
            self.text = self._last if char == _UP else ""


def _pieces(line: str) -> list[str]:
    return [line[at : at + LINE_CHARS_MAX] for at in range(0, max(len(line), 1), LINE_CHARS_MAX)]
