"""Text of strangers in Markdown: as it was written, and unable to do anything.

Pure: no clock, no files.

Alloys come from anywhere, and their cards are shown by sites that turn Markdown and HTML into pages. So whatever could
begin a tag, a link, an image, a heading or a table is escaped (CommonMark 0.31, sections 2.4 and 6.4), and only https
addresses become links.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

__all__ = ["cell", "clean", "code", "line", "link", "quoted", "safe_url", "table"]

TEXT_CHARS_MAX = 4_000
URL_CHARS_MAX = 2_000
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
# Whatever CommonMark or its common extensions (tables, formulas, strike-through) take for more than itself.
_ACTS = re.compile(r"[\\`*_\[\]!#|~$^]")
_BEGINS = re.compile(r"^([-+=]|\d{1,9}[.)](?=\s|$))")
# What sites turn into links or mentions without being asked: addresses, www names, mail, @somebody.
_LINKS = re.compile(r":(?=//)|(?<=www)\.|@", re.IGNORECASE)


def line(text: object) -> str:
    """Any text on one line, shown as it is."""
    words = clean(text)
    begun = _BEGINS.sub(lambda match: match[0][:-1] + "\0" + match[0][-1], words)
    safe = "".join(_ENTITIES.get(letter, letter) for letter in begun)
    safe = _ACTS.sub(lambda match: "\\" + match[0], safe)
    safe = _LINKS.sub(lambda match: f"&#{ord(match[0])};", safe)
    return safe.replace("\0", "\\")


def clean(text: object) -> str:
    """Text on one line, at most 4,000 characters, without any that cannot be seen."""
    return " ".join("".join(_visible(letter) for letter in str(text)[:TEXT_CHARS_MAX]).split())


def _visible(letter: str) -> str:
    """Control characters, and those that turn the direction of writing round, become a space."""
    return letter if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") else " "


def cell(value: object) -> str:
    """A value in a table; a dash where there is none."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:g}"
    return line(value)


def code(text: object) -> str:
    """Text in code style, whatever backticks it holds."""
    shown = clean(text).replace("|", "¦")  # a bar would end the cell of a table, even inside code
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", shown)), default=0))
    pad = " " if "`" in shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}" if shown else "-"


def link(text: object, url: object) -> str:
    """A link if the address is https and well formed, else the text with the address in code style."""
    address = safe_url(url)
    return f"[{line(text)}]({address})" if address else f"{line(text)} ({code(url)})"


def safe_url(url: object) -> str | None:
    """An https address with everything escaped that could end it early; None for any other."""
    if not isinstance(url, str) or len(url) > URL_CHARS_MAX:
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme != "https" or not host or not re.fullmatch(r"[a-z0-9.-]+", host) or parts.username:
        return None
    where = f"https://{host}{f':{port}' if port else ''}{quote(parts.path, safe='/%:@._~-')}"
    query = f"?{quote(parts.query, safe='=&%._~-')}" if parts.query else ""
    fragment = f"#{quote(parts.fragment, safe='%._~-/')}" if parts.fragment else ""
    return where + query + fragment


def quoted(text: object) -> str:
    """Text as a quotation, paragraph by paragraph."""
    paragraphs = [line(part) for part in str(text)[:TEXT_CHARS_MAX].split("\n\n")]
    return "\n>\n".join(f"> {part}" for part in paragraphs if part)


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table of cells that are Markdown already: strangers' text goes through `cell`, `code` or `link` before."""
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(str(one) for one in cells) + " |" for cells in lines)
