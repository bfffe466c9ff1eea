"""Who a message names: `@` and a member's name or id, longest match, case-folded, never inside code.

Pure. The markdown parser runs only for texts that name somebody and hold something that could be code.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache

from markdown_it import MarkdownIt

from cadence.rooms.wire import Member

AT_SIGNS_MAX = 64  # of one message: each costs up to HANDLE_CHARS_MAX look-ups
HANDLE_CHARS_MAX = 64

_CODE_MARK = re.compile(r"`|~~~|^(?: {4}| {0,3}\t)|[>*+\-.)] {4}|[>*+\-.)] *\t", re.MULTILINE)


def mentions(text: str, members: Iterable[Member], author: str) -> tuple[str, ...]:
    """Ids of the members `text` names, in order and without repeats; never the author."""
    if "@" not in text:
        return ()
    handles = {_fold(handle): member.id for member in members for handle in (member.name, member.id)}
    found = dict.fromkeys(_named([text], handles))
    if found and _CODE_MARK.search(text):
        found = dict.fromkeys(_named(_prose(text), handles))
    found.pop(author, None)
    return tuple(found)


def _named(prose: Iterable[str], handles: dict[str, str]) -> Iterator[str]:
    left = AT_SIGNS_MAX
    for text in prose:
        at = text.find("@")
        while at >= 0 and left:
            left -= 1
            for end in range(min(len(text), at + 1 + HANDLE_CHARS_MAX), at + 1, -1):
                user = handles.get(_fold(text[at + 1 : end])) if _ends_word(text, end) else None
                if user is not None:
                    yield user
                    break
            at = text.find("@", at + 1)


def _ends_word(text: str, end: int) -> bool:
    """Whether a name may end here: `@Ann` is not in `@Anna`, but it is in `@Ann's`."""
    return end == len(text) or not (text[end] == "_" or unicodedata.category(text[end])[0] in "LMN")


def _fold(handle: str) -> str:
    return unicodedata.normalize("NFKC", handle).casefold()


def _prose(text: str) -> Iterator[str]:
    """The text outside fenced, indented and inline code, one string per run."""
    for block in _parser().parse(text):
        if block.type == "html_block":
            yield block.content
        for inline in block.children or ():
            if inline.type != "code_inline" and "@" in inline.content:
                yield inline.content


@cache
def _parser() -> MarkdownIt:
    # Only the rules that decide what is code: emphasis would split a name, links would hide one.
    blocks = ["fence", "code", "blockquote", "list", "heading", "lheading", "hr", "html_block"]
    return MarkdownIt("zero", {"html": True}).enable([*blocks, "backticks", "escape", "html_inline", "autolink"])
