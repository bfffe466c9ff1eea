"""General questions again, with a domain pack counted on `train.jsonl`, as `cadence lod pack` counts it."""

from __future__ import annotations

from bench.lod.data import Absent, Meeting, meetings
from bench.lod.figures import mean, score
from bench.lod.ours import digest
from bench.lod.qmsum import COLUMNS, DIGITS, QUICK_MEETINGS, cells
from bench.lod.report import Criterion, Found, Given, Table
from cadence.lod.pack import Pack, count, talk_of
from cadence.lod.terms import Background
from cadence.lod.vectors import Matrix

WITH, WITHOUT = "Alex with a domain pack", "Alex"


def run(given: Given) -> Found:
    """The same meetings and questions, without the pack and with it; oracle 51.6 in the reference."""
    path = given.shared / "qmsum" / "train.jsonl"
    if not path.is_file():
        raise Absent(f"expected {path}, which is not there")
    given.say("counting the pack")
    pack = count([talk_of(line) for line in path.read_text(encoding="utf-8").splitlines()])
    held = meetings(given.shared, given.split, most=QUICK_MEETINGS if given.quick else None)
    vectors = [given.encodings.of(meeting.texts) for meeting in held]
    table = Table(
        f"QMSum {given.split} with a pack of {pack.talks} meetings, at the length of the answer ({given.vectors});"
        " differences from Alex without it, paired",
        COLUMNS,
        digits=DIGITS,
    )
    scores = {
        name: [
            score(meeting, one.answer, [meeting.units[i] for i in chosen(meeting, own, one.words, learned)])
            for meeting, known in zip(held, vectors, strict=True)
            for own in [known if with_vectors else None]
            for one in meeting.general
        ]
        for name, with_vectors, learned in (
            (WITHOUT, True, None),
            (f"{WITH}, no vectors", False, pack),
            (WITH, True, pack),
        )
    }
    for name, found in scores.items():
        table.add(name, **cells(found, scores[WITHOUT]))
    r1, topics, answers = (
        mean([getattr(one, key) for one in scores[WITH]]).mean for key in ("r1", "topics", "answers")
    )
    criterion = Criterion(
        "the same with a domain pack: R1 / topics / answers",
        "31 / .87 / .27",
        "35 / .93 / .31",
        f"{r1:.1f} / {topics:.2f} / {answers:.3f}",
        r1 >= 31.0 and topics >= 0.87 and answers >= 0.27,
    )
    return Found([table], [criterion])


def chosen(meeting: Meeting, vectors: Matrix | None, words: float, pack: Pack | None) -> list[int]:
    """The digest for so many words, asked for once."""
    background = Background()
    background.pack = pack
    for unit in meeting.units:
        background.add(unit.terms)
    return digest(meeting.units, vectors, words, background, exact=True)
