"""What people wrote about real meetings, held against the check: reported, without a floor.

A human summary names few speakers and cites nothing, so as it stands nearly none may be shown as Alex' prose. Each rule
by itself tells how far people keep to what was said in the words that were used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.grounding.corpus import Case
from bench.lod.data import Meeting
from cadence.alex.grounding import Claim, Ground, Source, check

UNITS_MAX = 400  # of the turns that an answer is about
WORDS_MAX = 400


def summaries(meetings: Sequence[Meeting]) -> list[Case]:
    """Each answer to a specific question, as one claim by all who speak in the turns it is about."""
    found = []
    for meeting in meetings:
        names = {unit.speaker: unit.speaker for unit in meeting.units}
        for question in meeting.specific:
            spans = question.spans
            units = [unit for unit in meeting.units if any(a <= unit.seq - 1 <= b for a, b in spans) and not unit.block]
            sources = {
                key: Source(key, unit.seq, unit.speaker, unit.speaker, unit.text, question=unit.question)
                for key, unit in enumerate(units[:UNITS_MAX], 1)
            }
            if sources:
                speakers = tuple(dict.fromkeys(source.speaker for source in sources.values()))
                claim = Claim(speakers, tuple(sources), " ".join(question.answer.split()))
                found.append(Case("human", True, (claim,), Ground(sources, WORDS_MAX, names)))
    return found


def by_rule(cases: Sequence[Case]) -> tuple[int, dict[str, float]]:
    """How many pass every rule, and for each rule that any breaks the share that keeps it."""
    broken: Counter[str] = Counter()
    whole = 0
    for case in cases:
        rules = {fault.rule for fault in check(case.claims, case.ground).faults}
        whole += not rules
        broken.update(rules)
    return whole, {rule: 1.0 - count / len(cases) for rule, count in broken.most_common()}
