"""How a stranger reads PROTOCOL.md's word, and its ways of looking at text."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import cache, lru_cache

FOLDED_WORDS = 15
CHARACTERS_PER_WORD = 30
CUT = " … "
_INNER = "'’-._"
_ASCII = re.compile(r"[A-Za-z0-9]+(?:['._-][A-Za-z0-9]+)*")
_CJK = ((0x3005, 0x3007), (0x3041, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF))
_CJK_BEYOND = 0x20000, 0x323AF


@cache
def _is_cjk(character: str) -> bool:
    point = ord(character)
    if _CJK_BEYOND[0] <= point <= _CJK_BEYOND[1]:
        return True
    return any(low <= point <= high for low, high in _CJK) and unicodedata.category(character)[0] in "LN"


@cache
def _is_wordly(character: str) -> bool:
    category = unicodedata.category(character)
    return (category[0] in "LM" or category == "Nd") and not _is_cjk(character)


@lru_cache(maxsize=4096)
def count(text: str) -> int:
    """The words of `text` as PROTOCOL.md counts them."""
    solid = len("".join(text.split()))
    return max(len(_ASCII.findall(text)) if text.isascii() else _runs(text), -(-solid // CHARACTERS_PER_WORD))


def _runs(text: str) -> int:
    """Words, character by character; two CJK characters are one, each run of them rounded up."""
    runs = cjk = 0
    inside = False
    for index, character in enumerate(text):
        if _is_cjk(character):
            cjk += 1
            inside = False
            continue
        runs, cjk = runs + (cjk + 1) // 2, 0
        if _is_wordly(character):
            runs += not inside
            inside = True
        elif not (inside and character in _INNER and index + 1 < len(text) and _is_wordly(text[index + 1])):
            inside = False
    return runs + (cjk + 1) // 2


def of_message(message: dict[str, object]) -> int:
    """The words of a whole message: its text and the bodies of its parts, at least 1."""
    parts = message.get("parts", ())
    assert isinstance(parts, list | tuple)
    return max(1, count(str(message["text"])) + sum(count(part["body"]) for part in parts))


def of_turn(turn: dict[str, object]) -> int:
    """`turn.words` recounted from its segments."""
    segments = turn["segments"]
    assert isinstance(segments, list)
    return sum(FOLDED_WORDS if s.get("part", {}).get("folded") else count(s["text"]) for s in segments)


def collapse(text: str) -> str:
    """White space collapsed."""
    return " ".join(text.split())


def bare(text: str) -> list[str]:
    """Runs of letters and digits, case-folded: what is left of words when spelling conventions are taken away."""
    return re.findall(r"[^\W_]+", text.casefold())


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def code_blocks(text: str) -> list[str]:
    """The fenced and indented blocks of CommonMark `text`, in order, each exactly as it stands there.

    Simple CommonMark only (no lists or quotations around a block): enough for what the tests say.
    """
    blocks: list[str] = []
    lines = text.splitlines(keepends=True)
    fence: str | None = None
    block: list[str] = []
    indented = False
    before_blank = True
    for line in lines:
        opening = re.match(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})", line)
        if fence is not None:
            block.append(line)
            if re.match(rf" {{0,3}}{re.escape(fence)}{re.escape(fence[0])}*\s*$", line):
                blocks.append("".join(block))
                fence, block = None, []
        elif opening:
            if indented:
                blocks.append("".join(block))
            fence, block, indented = opening[1], [line], False
        elif re.match(r"( {4}|\t)\s*\S", line) and (indented or before_blank):
            block.append(line)
            indented = True
        elif indented and line.strip():
            blocks.append("".join(block))
            block, indented = [], False
        elif indented:
            block.append(line)
        before_blank = not line.strip()
    if block:
        blocks.append("".join(block))
    return [_rstrip_lines(found) for found in blocks]


def _rstrip_lines(block: str) -> str:
    """Without the line ends after it: whether they belong to a block nobody says."""
    return block.rstrip("\r\n \t") if not block.rstrip().endswith(("`", "~")) else block.rstrip()
