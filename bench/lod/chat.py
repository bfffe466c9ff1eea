"""Real chat through the real mediator: repeats across ticks, and what every turn must hold to.

The logs of IRC Disentanglement (Kummerfeld et al. 2019) are replayed so fast that what is said is 2, 4, 8 or 16 times
what the reader can take in. A unit shown is a repeat if its MiniLM cosine with one of the last 24 units shown is above
0.7, or above 0.8 (real paraphrase starts there). Beside it stands facility location over each tick's lines, without a
memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bench.lod import baselines
from bench.lod.data import Absent, Said, channels
from bench.lod.mediated import EPOCH, Line, Mediated
from bench.lod.report import Criterion, Found, Given, Table
from cadence.lod.budget import words_per_second
from cadence.lod.units import Source, Unit, parse
from cadence.lod.vectors import Matrix, Vector
from cadence.lod.words import count_words
from cadence.rooms.wire import Segment, Turn, View

RATIOS = (2, 4, 8, 16)
VIEW = View(cadence_s=14.0)  # 39 words a look at the default pace
LOOK_WORDS = words_per_second(VIEW.pace_wpm) * VIEW.cadence_s
LAST_SHOWN = 24
GAP = " … "
COLUMNS = ("repeats > .7", "repeats > .8", "turns", "words a turn", "attributed", "verbatim", "covered")
DIGITS = {"repeats > .7": 4, "repeats > .8": 4, "turns": 0, "words a turn": 1, "attributed": 4, "verbatim": 4}
QUICK_CHANNELS, QUICK_LINES = 1, 300


@dataclass
class Tally:
    """What was counted over all logs."""

    shown: int = 0
    close: int = 0  # repeats > 0.7
    closer: int = 0  # repeats > 0.8
    turns: int = 0
    words: int = 0
    segments: int = 0
    attributed: int = 0
    verbatim: int = 0
    said: int = 0
    covered: int = 0

    def row(self) -> dict[str, float]:
        def share(part: int, whole: int) -> float:
            return part / max(whole, 1)

        return {
            "repeats > .7": share(self.close, self.shown),
            "repeats > .8": share(self.closer, self.shown),
            "turns": float(self.turns),
            "words a turn": share(self.words, self.turns),
            "attributed": share(self.attributed, self.segments),
            "verbatim": share(self.verbatim, self.segments),
            "covered": share(self.covered, self.said),
        }


def run(given: Given) -> Found:
    """Every log at every ratio, with vectors and without."""
    if not given.encodings.available:
        raise Absent("repeats are measured by MiniLM, and there is no encoder")
    logs = channels(given.shared)
    if given.quick:
        logs = [log[:QUICK_LINES] for log in logs[:QUICK_CHANNELS]]
    units = [[parse(Source(one.seq, one.speaker, one.at, one.text)).units for one in log] for log in logs]
    vectors = [given.encodings.of([unit.text or "block" for own in log for unit in own]) for log in units]
    table = Table(
        f"IRC, {len(logs)} logs of {sum(map(len, logs))} lines, {LOOK_WORDS:.0f} words a look", COLUMNS, digits=DIGITS
    )
    ours: list[Tally] = []
    for ratio in RATIOS:
        for name, with_vectors in (("Alex without vectors", False), ("Alex", True)):
            given.say(f"{name} at {ratio} times what can be read")
            tally = Tally()
            for log, own, known in zip(logs, units, vectors, strict=True):
                assert known is not None
                _replay(log, own, known, ratio, tally, with_vectors=with_vectors)
            table.add(f"{name}, {ratio}:1", **tally.row())
            ours += [tally] if with_vectors else []
        tally = Tally()
        for own, known in zip(units, vectors, strict=True):
            assert known is not None
            _without_memory(own, known, ratio, tally)
        row = tally.row()
        table.add(f"facility location, {ratio}:1", **{key: row[key] for key in COLUMNS[:4]})
    return Found([table], _criteria(ours))


def _replay(
    log: Sequence[Said],
    units: Sequence[Sequence[Unit]],
    vectors: Matrix,
    ratio: int,
    tally: Tally,
    *,
    with_vectors: bool,
) -> None:
    """One log through one mediator."""
    reader = Mediated(VIEW)
    rate = ratio * words_per_second(VIEW.pace_wpm)
    known = dict(zip((unit for own in units for unit in own), vectors, strict=True))
    at, last, turns = 0.0, deque[Vector](maxlen=LAST_SHOWN), list[Turn]()
    for one, own in zip(log, units, strict=True):
        own_vectors = [known[unit] for unit in own] if with_vectors else ()
        turns += reader.say(Line(one.speaker, at, one.text, vectors=own_vectors))
        at += count_words(one.text) / rate
    turns += reader.wait(at + 600.0)
    by_seq = {seq: own for seq, own in enumerate(units, 1)}
    for turn in turns:
        tally.turns, tally.words = tally.turns + 1, tally.words + turn.words
        for segment in turn.segments:
            _check(segment, reader, tally)
            for unit in _units(segment, by_seq):
                _count(known[unit], last, tally)
    _check_covers(turns, len(log), tally)


def _units(segment: Segment, by_seq: dict[int, Sequence[Unit]]) -> Iterator[Unit]:
    """The units that a segment shows."""
    text = " ".join(segment.text.split())
    return (unit for seq in segment.sources for unit in by_seq[seq] if unit.text and unit.text in text)


def _count(vector: Vector, last: deque[Vector], tally: Tally) -> None:
    cosine = float((np.stack(last) @ vector).max()) if last else 0.0
    tally.shown += 1
    tally.close += cosine > 0.7
    tally.closer += cosine > 0.8
    last.append(vector)


def _check(segment: Segment, reader: Mediated, tally: Tally) -> None:
    """Laws 7 and 8, read off the frame: authors are speakers, every piece stands in a cited message."""
    cited = [reader.entries[seq].message for seq in segment.sources]
    tally.segments += 1
    tally.attributed += bool(cited) and {message.from_.id for message in cited} == set(segment.speakers)
    if segment.kind == "whisper":  # Alex's own sentence, attributed but no quote
        tally.verbatim += 1
        return
    texts = [" ".join(message.text.split()) for message in cited]
    pieces = [" ".join(piece.split()) for piece in segment.text.split(GAP)]
    tally.verbatim += all(any(piece in text for text in texts) for piece in pieces)


def _check_covers(turns: Sequence[Turn], said: int, tally: Tally) -> None:
    """Law 1: ranges join, and hold every message."""
    reached = 0
    for turn in turns:
        if turn.covers is not None and turn.covers.epoch == EPOCH and turn.covers.from_ == reached + 1:
            reached = turn.covers.to
            tally.covered += turn.covers.messages
    tally.said += said


def _without_memory(units: Sequence[Sequence[Unit]], vectors: Matrix, ratio: int, tally: Tally) -> None:
    """Facility location over what was said in each look, forgetting what was shown."""
    flat = [unit for own in units for unit in own]
    last = deque[Vector](maxlen=LAST_SHOWN)
    first = words = 0
    for i, unit in enumerate(flat):
        words += unit.n
        if words >= ratio * LOOK_WORDS:
            window = list(range(first, i + 1))
            chosen = sorted(baselines.facility([flat[k] for k in window], vectors[window], LOOK_WORDS))
            tally.turns, tally.words = tally.turns + 1, tally.words + sum(flat[window[k]].n for k in chosen)
            for k in chosen:
                _count(vectors[window[k]], last, tally)
            first, words = i + 1, 0


def _criteria(ours: Sequence[Tally]) -> list[Criterion]:
    rows = [tally.row() for tally in ours]
    repeats = ", ".join(f"{row['repeats > .7']:.1%} / {row['repeats > .8']:.2%}" for row in rows)
    whole = [min(row[key] for row in rows) for key in ("attributed", "verbatim", "covered")]
    return [
        Criterion(
            "repeats across ticks at 2, 4, 8, 16 x budget (> .7 / > .8)",
            "2 % / 0.5 %",
            "1 % / 0.1 %",
            repeats,
            all(row["repeats > .7"] <= 0.02 and row["repeats > .8"] <= 0.005 for row in rows),
        ),
        Criterion(
            "attribution, verbatim, covered",
            "100 %",
            "100 %",
            " / ".join(f"{share:.2%}" for share in whole),
            all(share == 1.0 for share in whole),
        ),
    ]
