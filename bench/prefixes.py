"""How much of a mind's prompt stood in its call before, which an endpoint with a prefix cache need not compute again.

One mind listens to the shipped conversations, one after the other, and is asked for `CALLS` thoughts on the way. On the
fake the share is counted in characters of the whole prompt; a real vLLM counts tokens itself (`/metrics`).
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from os.path import commonprefix
from pathlib import Path

from cadence.models.cards import ModelCard
from cadence.models.chat import Call, ChatMessage, answer_of
from cadence.models.opening import client_class
from cadence.personas.cards import Card, Manner
from cadence.personas.chronicle import Chronicle
from cadence.personas.context import Context
from cadence.personas.mind import CUES
from cadence.personas.passages import Passages
from cadence.rooms.wire import Author, Message, to_iso

CALLS = 50
WINDOW_TOKENS = 8_192
ANSWER_TOKENS = 64
MESSAGES_PER_CALL = 5  # said by others between two thoughts
HITS, QUERIES = "vllm:prefix_cache_hits_total", "vllm:prefix_cache_queries_total"
GENERATED = "vllm:generation_tokens_total"
CARD = Card(
    "vera",
    "Vera",
    "she/her",
    "You are Vera. You design databases for places where a wrong row hurts someone, and you say what may never happen.",
    manner=Manner(answer_tokens=ANSWER_TOKENS),
)


def conversation() -> list[Message]:
    """The shipped conversations as one long room."""
    scripts = sorted((Path(__file__).parents[1] / "rooms").glob("*.script.jsonl"))
    lines = [json.loads(line) for script in scripts for line in script.read_text(encoding="utf-8").splitlines()]
    return [
        Message(
            "room", "e", seq, f"m{seq}", Author(line["from"], line["from"].title(), "agent"), _at(seq), line["text"]
        )
        for seq, line in enumerate(lines, 1)
    ]


def _at(seq: int) -> str:
    return to_iso(1_750_000_000.0 + 1.5 * seq)


def prompts() -> Iterator[tuple[ChatMessage, ...]]:
    """What the mind would send, call by call; where the conversations end they begin again."""
    log, passages, chronicle = conversation(), Passages(), Chronicle("room", "e")
    context = Context(CARD, WINDOW_TOKENS, passages)
    said: list[Message] = []
    for _ in range(CALLS):
        for _ in range(MESSAGES_PER_CALL):
            seq = len(said) + 1
            line = log[(seq - 1) % len(log)]
            said.append(Message("room", "e", seq, f"m{seq}", line.from_, _at(seq), line.text))
            chronicle.hear(said[-1])
            while chronicle.pyramid.carry():
                pass
        yield context.compose(chronicle, CUES["talk"])
        wanted = passages.wanted
        passages.learn([said[seq - 1] for seq in wanted], wanted)


def on_fake() -> float:
    """The share of all characters of the prompts that stand at the same place in the call before."""
    shared, whole, before = 0, 0, ""
    for prompt in prompts():
        text = "\0".join(f"{one.role}\0{one.text}" for one in prompt)
        same = len(commonprefix((before, text)))
        shared, whole, before = shared + same, whole + len(text), text
    return shared / whole


async def on_endpoint(url: str, name: str) -> float:
    """The share of prompt tokens that a vLLM at `url` (ending in /v1) found in its cache, by its own count."""
    card = ModelCard("bench", (url,), name, context_tokens=WINDOW_TOKENS)
    model = client_class(card)(card, url, None)
    before = counted(url, HITS, QUERIES)
    for prompt in prompts():
        await answer_of(model, Call(prompt, ANSWER_TOKENS, temperature=0.0))
    after = counted(url, HITS, QUERIES)
    return (after[HITS] - before[HITS]) / max(1.0, after[QUERIES] - before[QUERIES])


def counted(url: str, *names: str) -> dict[str, float]:
    """What a vLLM at `url` (ending in /v1) counts under `names`, of all models and engines together."""
    with urllib.request.urlopen(url.rstrip("/").removesuffix("/v1") + "/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    found = dict.fromkeys(names, 0.0)
    for line in lines:
        for name in names:
            if line.startswith((f"{name} ", f"{name}{{")):
                found[name] += float(line.rpartition(" ")[2])
    return found
