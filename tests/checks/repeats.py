"""Law 10 between the lines: nothing is shown again in nearly the same words, unless all that waited was shown.

A stranger has no stems and no list of stop words, so only clear cases count as broken: clauses without a stop inside,
of which all longer words but one stood in one clause shown shortly before.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from tests.checks import words
from tests.checks.record import Log, Reading
from tests.stranger import Frame

REMEMBERED_PIECES = 24  # at most four units each: surely among the last 96
CONTENT_LETTERS_MIN = 5
CONTENT_WORDS_MIN = 5
SURE_OVERLAP = 0.9
MAY_OVERLAP = 0.5  # of a clause's words; by stems, as Alex compares them, it may be more
SAID_MESSAGES = 96  # one unit of each may be what a reader was shown last
OVERLAP_MAX = 0.6  # the lexical gate's own measure
PIECE_WORDS_MAX = 25  # longer ones may be several units
_STOP = re.compile(r"[.!?;:,。！？、—–()\n]\s*(?=\S)")
_EVERYDAY = frozenset(
    "about above after again against because before being below between could doing during every first from further"
    " going having might other ought really right shall should since still their theirs there these thing things think"
    " those though through under until where which while whose within without would yourself".split()
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a quote as it was shown."""

    turn: int
    text: str
    content: frozenset[str]


def content(text: str) -> frozenset[str]:
    """Longer words that are not everyday ones, as they are spelled, without a plural's s."""
    found = (word.removesuffix("s") for word in words.bare(text) if len(word) >= CONTENT_LETTERS_MIN)
    return frozenset(word for word in found if word not in _EVERYDAY)


def may_be_told(message: Frame, log: Log) -> bool:
    """Whether every clause of a message stands in what was said lately, so that it may be counted, and not shown."""
    lately = (log.messages.get(seq) for seq in range(message["seq"] - SAID_MESSAGES, message["seq"]))
    known = [bare for said in lately if said is not None for bare in _clauses(said["text"])]
    return all(any(len(one & two) > MAY_OVERLAP * len(one) for two in known) for one in _clauses(message["text"]))


def _clauses(text: str) -> list[frozenset[str]]:
    return [bare for clause in _STOP.split(text) if (bare := frozenset(words.bare(clause)))]


def overlap(piece: Piece, earlier: Piece) -> float:
    """The share of `piece`'s content words that stands in `earlier`."""
    return len(piece.content & earlier.content) / len(piece.content) if piece.content else 0.0


def law_10(reading: Reading, log: Log, user: str) -> list[str]:
    """Clear repeats in digest turns; what is urgent or part of a dispute may be one."""
    found: list[str] = []
    memory: deque[Piece] = deque(maxlen=REMEMBERED_PIECES)
    joinings = sorted(joining.seen.at for joining in reading.joinings.values())
    stay = 0
    for number, seen in sorted(reading.turns.items()):
        if (here := sum(at <= seen.at for at in joinings)) != stay:
            stay = here
            memory.clear()
        pieces = [
            (Piece(number, text, content(text)), segment) for text, segment in pieces_of(seen.frame) if _is_one(text)
        ]
        if _is_digest(seen.frame, log):
            for piece, segment in pieces:
                twin = next((one for one in memory if _surely_repeats(piece, one)), None)
                if twin is not None and not _excused(segment, seen.frame, log, user):
                    label = f"law 10: {reading.who}, turn {number} says {piece.text!r}"
                    found.append(f"{label} after turn {twin.turn} said {twin.text!r}")
        memory.extend(piece for piece, _ in pieces)
    return found


def pieces_of(turn: Frame) -> Iterator[tuple[str, Frame]]:
    """Each piece of each quote of a turn, with its segment."""
    for segment in turn["segments"]:
        if segment["kind"] == "quote" and not segment.get("redacted"):
            yield from ((piece, segment) for piece in segment["text"].split(words.CUT))


def told(reading: Reading) -> Iterator[list[str]]:
    """Turn by turn, the pieces it quotes."""
    for _, seen in sorted(reading.turns.items()):
        yield [text for text, _ in pieces_of(seen.frame)]


def shown_again(reading: Reading) -> tuple[int, int]:
    """(repeats, pieces): quoted pieces of which more than 60 % of at least 3 content words stood in one of the 96
    before. A measure with a stranger's words, wider than what `law_10` is sure of and than what that law forbids."""
    memory: deque[Piece] = deque(maxlen=96)
    repeats = pieces = 0
    for number, texts in enumerate(told(reading)):
        shown = [Piece(number, text, content(text)) for text in texts]
        said = [piece for piece in shown if len(piece.content) >= 3]
        pieces += len(shown)
        repeats += sum(any(overlap(piece, one) > OVERLAP_MAX for one in memory) for piece in said)
        memory.extend(shown)
    return repeats, pieces


def _is_one(text: str) -> bool:
    return not _STOP.search(text) and words.count(text) <= PIECE_WORDS_MAX and text.isascii()


def _surely_repeats(piece: Piece, earlier: Piece) -> bool:
    return len(piece.content) >= CONTENT_WORDS_MIN and overlap(piece, earlier) > SURE_OVERLAP


def _is_digest(turn: Frame, log: Log) -> bool:
    """Whether something that the turn covers was surely left out of it, so that law 3 does not apply."""
    covers = turn["covers"]
    if covers is None or turn["mode"] not in ("paraphrase", "catch_up"):
        return False
    sources = {seq for segment in turn["segments"] for seq in segment["sources"]}
    span = (log.messages[seq] for seq in range(covers["from"], covers["to"] + 1) if seq in log.messages)
    left = (
        m for m in span if m["from"]["kind"] == "agent" and m["seq"] not in sources and m["seq"] not in log.redacted
    )
    return any(words.bare(message["text"]) and not message.get("spoken") for message in left) or _is_cut(turn, log)


def _is_cut(turn: Frame, log: Log) -> bool:
    """Whether a message is quoted in part for the first time: whole ones are verbatim where all is shown."""
    from_ = turn["covers"]["from"]
    fresh = [s for s in turn["segments"] if s["kind"] == "quote" and min(s["sources"]) >= from_]
    return any(turn["covers"]["messages"] and not log.messages[s["sources"][0]].get("spoken") for s in fresh)


def _excused(segment: Frame, turn: Frame, log: Log, user: str) -> bool:
    """Urgent text, objections and what they object to pass the gate."""
    targets = {one["objects_to"] for one in turn["segments"] if "objects_to" in one}
    sources = [log.messages[seq] for seq in segment["sources"]]
    urgent = any(user in m.get("mentions", ()) or _answers(m, log, user) for m in sources)
    return urgent or "objects_to" in segment or bool(targets.intersection(segment["sources"]))


def _answers(message: Frame, log: Log, user: str) -> bool:
    about = message.get("reply_to")
    return about in log.messages and log.author(about) == user or message["text"].lstrip().startswith(">")
