"""Things to say, drawn from a seed: prose in several languages, code, tables, transcribed speech, hostile text."""

from __future__ import annotations

import json
from random import Random

from tests.stranger import Frame

_SUBJECTS = "the queue|our ledger|that migration|the pager|a replica|the clinic|this budget|the night shift".split("|")
_VERBS = "loses|keeps|doubles|never shows|depends on|was built for|cannot hold|explains".split("|")
_OBJECTS = "every third write|two appointments|the backup in Oslo|417 rows|most of its locks|the old schema".split("|")
_TAILS = "which nobody measured|and I can prove it|unless we shard|by Friday|at 3.5 ms|so we should wait|maybe".split(
    "|"
)
_FOREIGN = (
    "我们应该先测量再决定，否则每次迁移都会丢失记录。",
    "データベースの設計を変える前に、測定結果を見ましょう。",
    "Мы потеряли две записи, и никто этого не заметил до утра.",
    "يجب أن نقيس قبل أن نقرر، وإلا فقدنا السجلات.",
    "हमें पहले मापना चाहिए, फिर निर्णय लेना चाहिए।",
    "먼저 측정하고 나서 결정해야 합니다.",
    "Größe und Straße bleiben, auch wenn’s länger dauert.",
)
_ODD = ("!!!", "👍", "…", "+1", "ok", "a … b … c", "https://example.org/" + "x" * 70, "x" * 200, "   spaced   out   ")
_SPEECH = (
    "So , um , I think that 's the the right one {disfmarker} but , uh , we we should wait .",
    "Mm-hmm .",
    "Yeah . I mean , you know , it 's not the disk , it 's the lock {vocalsound} and nobody , nobody looked .",
    "Uh , do n't we have the numbers from Tuesday ? Twelve percent , I think .",
    "Right .",
)


def sentence(random: Random) -> str:
    return f"{random.choice(_SUBJECTS)} {random.choice(_VERBS)} {random.choice(_OBJECTS)}, {random.choice(_TAILS)}"


def prose(random: Random, sentences: int) -> str:
    """A few sentences, each with a number of its own so that few are alike."""
    said = [f"{sentence(random).capitalize()} ({random.randrange(10_000)})." for _ in range(sentences)]
    return "\n\n".join(said) if random.random() < 0.1 else " ".join(said)


def code(random: Random, lines: int) -> str:
    return "\n".join(f"row_{n} = load({random.randrange(10_000)})" for n in range(lines))


def part(random: Random) -> Frame:
    match random.randrange(3):
        case 0:
            return {"kind": "code", "lang": "python", "body": code(random, random.choice((1, 2, 12, 40)))}
        case 1:
            body = json.dumps({"query": sentence(random), "rows": random.randrange(1000)})
            return {"kind": "tool", "name": "lookup", "body": body}
        case _:
            rows = "\n".join(f"{n},{random.randrange(100)}" for n in range(random.choice((2, 30))))
            return {"kind": "data", "name": "counts.csv", "body": f"day,lost\n{rows}\n"}


def remark(random: Random) -> Frame:
    """What a human says: short, sometimes a question."""
    text = sentence(random).capitalize()
    return {
        "text": f"{text}?" if random.random() < 0.4 else f"{text}. {prose(random, random.choice((0, 1, 3)))}".strip()
    }


_AGREEMENTS = ("+1", "Agreed.", "Yes, exactly.", "👍", "Good point!", "Same here")
_OBJECTIONS = ("I disagree:", "I object.", "That is wrong.", "Not true,")


def objection(random: Random) -> str:
    """Says no to a message, which it answers, and why."""
    return f"{random.choice(_OBJECTIONS)} {prose(random, random.choice((1, 1, 2)))}"


def agreement(random: Random) -> str:
    """Says nothing but yes."""
    return random.choice(_AGREEMENTS)


def again(random: Random, said: str) -> str:
    """The same in hardly other words."""
    return random.choice(("", "So, ", "As I said: ")) + said


def utterance(random: Random, *, rich: bool, foreign: bool, spoken: bool) -> Frame:
    """What an agent says: fields of `say` (text, parts, spoken)."""
    chance = random.random()
    if spoken and chance < 0.5:
        return {"text": " ".join(random.choices(_SPEECH, k=random.choice((1, 1, 2, 6)))), "spoken": True}
    if foreign and chance < 0.4:
        return {"text": " ".join(random.choices(_FOREIGN, k=random.choice((1, 2, 5))))}
    if rich and chance < 0.25:
        block = code(random, random.choice((1, 3, 25)))
        return {"text": f"{sentence(random).capitalize()}:\n\n```python\n{block}\n```\n\n{prose(random, 1)}"}
    if rich and chance < 0.4:
        text = "" if random.random() < 0.3 else prose(random, 1)
        return {"text": text, "parts": [part(random) for _ in range(random.choice((1, 1, 3)))]}
    if chance > 0.93:
        return {"text": random.choice(_ODD)}
    return {"text": prose(random, random.choice((1, 1, 2, 3, 8)))}


def bulk(random: Random) -> Frame:
    """Close to the limit of a frame."""
    return {"text": "A dump:", "parts": [{"kind": "data", "body": f"{random.random()}\n" * 2_500}]}
