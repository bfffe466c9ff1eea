"""Where the fenced and indented code blocks of a CommonMark text lie.

Pure. Only the block structure is parsed, and only where the text could hold a block at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import regex
from markdown_it import MarkdownIt

MARKDOWN_CHARACTERS_MAX = 256 * 1024  # above it, a text is prose: a frame holds a quarter of that
LANGUAGE_CHARACTERS_MAX = 40

_MAY_HOLD_CODE = regex.compile(r"```|~~~|\t| {4}")
_LINE_END = regex.compile(r"\r\n?|\n")
_markdown = MarkdownIt("commonmark")
_markdown.core.ruler.enableOnly(["normalize", "block"])


@dataclass(frozen=True, slots=True)
class Span:
    """A code block: `text[start:end]` is the block as it stands, fences included, without its last line end."""

    start: int
    end: int
    lang: str | None


def code_blocks(text: str) -> list[Span]:
    """The code blocks of `text`, in order, none overlapping; whole lines."""
    if len(text) > MARKDOWN_CHARACTERS_MAX or not _MAY_HOLD_CODE.search(text):
        return []
    starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
    ends = [*(match.start() for match in _LINE_END.finditer(text)), len(text)]
    spans: list[Span] = []
    for token in _markdown.parse(text):
        if token.type not in ("fence", "code_block") or not token.map:
            continue
        first, last = token.map[0], min(token.map[1], len(ends)) - 1
        while last > first and not text[starts[last] : ends[last]].strip():
            last -= 1  # an unclosed fence runs to the end of its container: blank lines there are not part of it
        if not text[starts[first] : ends[last]].strip() or (spans and starts[first] < spans[-1].end):
            continue
        words = token.info.split()
        spans.append(Span(starts[first], ends[last], words[0][:LANGUAGE_CHARACTERS_MAX] if words else None))
    return spans
