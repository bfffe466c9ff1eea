"""From chosen units to the segments of a turn: quotes, whole messages, blocks.

Nothing here writes a word of its own but the label of a folded block: what a reader sees is cut from the
log, so attribution (law 7) and verbatim (law 8) hold by construction.

Pure: no clock, no files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from msgspec import UNSET

from cadence.alex.transcript import Entry
from cadence.lod.units import Block, Unit, count_words
from cadence.rooms.wire import Covers, Segment, SegmentPart, Turn, TurnMode

FOLDED_WORDS = 15  # what a folded block costs, and the longest block shown whole in a digest
GAP = " … "
_OWN_BEFORE, _OWN_AFTER = re.compile(r"(?: …)+$"), re.compile(r"^(?:… )+")  # a speaker's own ellipses beside a gap
EMBEDDED = "embedded"  # who made a turn without a language model


@dataclass(frozen=True, slots=True)
class Pick:
    """A unit that goes into a turn, and how much attention it had (0..1)."""

    entry: Entry
    unit: Unit
    weight: float
    objects_to: int | None = None  # seq of the message it objects to
    agree: int = 0  # how many merely agree with it
    again: int = 0  # how often it was said again


def segment_words(segment: Segment) -> int:
    """What a segment costs its reader, in words."""
    if segment.part is not UNSET and segment.part.folded:
        return FOLDED_WORDS
    return count_words(segment.text)


def made_turn(
    room: str,
    number: int,
    at: str,
    mode: TurnMode,
    covers: Covers | None,
    segments: Sequence[Segment],
    by: str = EMBEDDED,
) -> Turn:
    """These segments as a turn, with their words counted; `by` is the model that wrote some of them, if one did."""
    words = sum(segment_words(segment) for segment in segments)
    return Turn(room=room, turn=number, at=at, mode=mode, covers=covers, words=words, segments=tuple(segments), by=by)


def whole_message(entry: Entry, weight: float) -> list[Segment]:
    """A message as it stands in the log: its text, then its parts, nothing folded."""
    message = entry.message
    speakers, sources = (entry.speaker,), (entry.seq,)
    segments = [Segment("verbatim", speakers, message.text, sources, _weight(weight))] if message.text else []
    blocks = [unit.block for unit in entry.parsed.units if unit.block and unit.block.index < len(message.parts)]
    segments += [_block(entry, block, weight, folded=False) for block in blocks]
    return segments


def quoted(picks: Sequence[Pick], *, unfold: bool = False) -> list[Segment]:
    """Picks in the order of the log as segments; neighbours of one speaker share a quote.

    Blocks over `FOLDED_WORDS` are folded unless `unfold`.
    """
    segments: list[Segment] = []
    run: list[Pick] = []
    for pick in sorted(picks, key=lambda pick: (pick.unit.seq, pick.unit.index)):
        block = pick.unit.block
        if run and (block or not _joins(run, pick)):
            segments.append(_quote(run))
            run = []
        if block:
            folded = block.words > FOLDED_WORDS and not unfold
            segments.append(_block(pick.entry, block, pick.weight, folded=folded))
        else:
            run.append(pick)
    if run:
        segments.append(_quote(run))
    return segments


def spliced(pieces: Sequence[str]) -> str:
    """Pieces of what was said as one text, which splits at `GAP` into pieces of what was said again.

    So an ellipsis of the speaker's own is left out beside a gap: nobody could tell the two apart.
    """
    last = len(pieces) - 1
    ended = [piece if place == last else _OWN_BEFORE.sub("", piece) for place, piece in enumerate(pieces)]
    return GAP.join([_OWN_AFTER.sub("", piece) if place else piece for place, piece in enumerate(ended)])


def in_time(segments: Sequence[Segment]) -> list[Segment]:
    """Segments of one room in the order in which what they tell was said; equals stay as they are."""
    return sorted(segments, key=lambda segment: segment.sources[0])


def _joins(run: list[Pick], pick: Pick) -> bool:
    """Whether `pick` may share the quote of `run`.

    A text without spaces counts by its characters (30 to a word), so a joined quote can cost a word more than
    its pieces; such pieces stay apart, and a turn never costs more than what was chosen for it.
    """
    if run[-1].unit.speaker != pick.unit.speaker or run[-1].objects_to != pick.objects_to:
        return False
    together = [*run, pick]
    return count_words(_text(together)) <= sum(one.unit.n for one in together)


def _quote(run: list[Pick]) -> Segment:
    sources = tuple(dict.fromkeys(pick.unit.seq for pick in run))
    return Segment(
        "quote",
        (run[0].unit.speaker,),
        _text(run),
        sources,
        _weight(max(pick.weight for pick in run)),
        agree=sum(pick.agree for pick in run) or UNSET,
        again=sum(pick.again for pick in run) or UNSET,
        objects_to=run[0].objects_to or UNSET,
    )


def _text(run: Sequence[Pick]) -> str:
    """The picks' text; units that follow each other in one message are cut as one slice."""
    if len(run) == 1:
        return run[0].unit.text
    pieces: list[tuple[Entry, int, int, int]] = []  # entry, start, end, index of the last unit
    for pick in run:
        unit = pick.unit
        if pieces and pieces[-1][0] is pick.entry and pieces[-1][3] + 1 == unit.index:
            pieces[-1] = (pick.entry, pieces[-1][1], unit.end, unit.index)
        else:
            pieces.append((pick.entry, unit.start, unit.end, unit.index))
    return spliced([" ".join(entry.parsed.prose[start:end].split()) for entry, start, end, _ in pieces])


def _block(entry: Entry, block: Block, weight: float, *, folded: bool) -> Segment:
    name = block.name or block.lang or block.kind
    label = f"{name} · {block.lines} {'line' if block.lines == 1 else 'lines'}"
    return Segment(
        "verbatim",
        (entry.speaker,),
        label if folded else block.body,
        (entry.seq,),
        _weight(weight),
        part=SegmentPart(
            seq=entry.seq,
            index=block.index,
            kind=cast(Any, block.kind),  # lod does not know the names of the wire
            lines=block.lines,
            sha256=block.sha256,
            folded=folded,
            lang=block.lang or UNSET,
            name=block.name or UNSET,
        ),
    )


def _weight(attention: float) -> float:
    return round(min(1.0, max(0.0, attention)), 3)
