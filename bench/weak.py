"""Alex with a real endpoint, in real time: how many turns the model tells and how many the digest, as it comes.

The lines of a conversation that ships with Cadence are said one a second before readers of three cadences. Quality is
not judged here; a weak model tests what stands between it and a reader.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

from bench.prose import VOICE
from cadence.alex.material import material
from cadence.alex.paraphrase import Narrator, Paraphrasing
from cadence.alex.prompts import retelling
from cadence.alex.prose import Trace
from cadence.alex.transcript import Transcript
from cadence.counts import ProseCounts
from cadence.models.chat import ChatModel
from cadence.rooms.wire import Author, Member, Message, ViewPatch
from tests.alex.house import house

SCRIPT = Path(__file__).parent.parent / "rooms" / "incident.script.jsonl"
CADENCES = (5.0, 12.0, 30.0)
LINE_SECONDS = 1.0
LAST_SECONDS = 35.0  # so that the slowest reader looks once more
EXAMPLES_MAX = 4
STRETCHES, STRETCH_LINES, STRETCH_WORDS = 6, 4, 24
UNHURRIED_SECONDS = 120.0
AT = "2026-01-01T00:00:00.000Z"


def with_a_real_model(found: Any, card: Path, minutes: float) -> None:
    """Let the model of a card retell for so long, and report what reached readers."""
    from cadence.fields import Report  # with the client of endpoints, in the extra `llm`
    from cadence.models.cards import parse_model_card
    from cadence.models.opening import open_models

    report = Report(card.name)
    parsed = parse_model_card(card.stem, card.read_text(encoding="utf-8"), report)
    if parsed is None:
        raise SystemExit("\n".join(map(str, report.all())))
    asyncio.run(_run(found, open_models({card.stem: parsed}), card.stem, minutes))


async def _run(found: Any, opened: Any, name: str, minutes: float) -> None:
    model: ChatModel = opened.models[name]
    await _unhurried(found, model, name)
    table = found.table(f"{name}, {minutes:g} minutes in real time", "reader", "turns", "by model", "by the digest")
    async with house() as room:
        room.driver.narrate(Narrator(model, VOICE))
        for cadence in CADENCES:
            await room.attach(Member(f"r{cadence:g}", "R", "human"), patch=ViewPatch(cadence_s=cadence))
        lines = _lines()
        for _ in range(round(minutes * 60 / LINE_SECONDS)):
            speaker, text = next(lines)
            await room.say(text, speaker)
            await asyncio.sleep(LINE_SECONDS)
        await asyncio.sleep(LAST_SECONDS)
        for cadence in CADENCES:
            turns = room.turns(f"r{cadence:g}")
            told = sum(turn.by != "embedded" for turn in turns)
            table.add_row(f"cadence {cadence:g} s", str(len(turns)), str(told), str(len(turns) - told))
        _tell(found, room.driver.counts.prose, room.driver._rooms["lab"].transcript.written.traces(1, room.head))
    await opened.aclose()


async def _unhurried(found: Any, model: ChatModel, name: str) -> None:
    """What its answers are worth when it may take its time: a few stretches of the script, one after the other."""
    counts, lines, traces = ProseCounts(), _lines(), []
    asking = Paraphrasing(lambda: 0.0, lambda work: work.close(), counts)
    for _ in range(STRETCHES):
        transcript = Transcript()
        for seq in range(1, STRETCH_LINES + 1):
            speaker, text = next(lines)
            transcript.enter(Message("lab", "e", seq, f"m{seq}", Author(speaker, speaker.title(), "agent"), AT, text))
        about = material(transcript, 1, STRETCH_LINES)
        call = retelling(VOICE, about.sources, (), STRETCH_WORDS, names=about.names, pronouns={})
        work = await asking.ask(model, call, about.ground(STRETCH_WORDS, {}), UNHURRIED_SECONDS)
        traces.append(Trace(name, work.outcome, "", tuple(work.attempts), about.seqs))
    found.table(
        f"{name}, without a clock: {STRETCHES} stretches of {STRETCH_LINES} messages in {STRETCH_WORDS} words", ""
    )
    _tell(found, counts, traces)


def _tell(found: Any, counts: Any, traces: Any) -> None:
    table = found.table("What became of its prose", "asked", "calls", "held", "refused", "late", "failed")
    row = (counts.asked, counts.calls, counts.held, counts.refused, counts.late, counts.failed)
    table.add_row(*map(str, row))
    rules = Counter(f.rule for trace in traces for one in trace.attempts for f in one.verdict.faults)
    table = found.table("Rules that its answers broke", "rule", "faults")
    for rule, count in rules.most_common():
        table.add_row(rule, str(count))
    table = found.table("Some of its answers", "outcome", "answer")
    for trace in [trace for trace in traces if trace.attempts][:EXAMPLES_MAX]:
        table.add_row(trace.outcome, trace.attempts[-1].answer[:160])


def _lines() -> Iterator[tuple[str, str]]:
    """Who says what in the script, over and over."""
    raw = [json.loads(line) for line in SCRIPT.read_text(encoding="utf-8").splitlines() if line.strip()]
    return cycle([(one["from"], one["text"]) for one in raw if one.get("text")])
