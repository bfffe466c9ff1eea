"""A script for `cadence.models.scripted.ScriptedModel`: it retells without understanding, as a faithful model might.

It reads the prompt as a model would and answers with the beginnings of what was said, so tests and benchmarks see the
whole way that prose takes, the same on every machine.

Pure: no clock, no files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from cadence.lod.units import count_words
from cadence.models.chat import Call

WORDS_KEPT = 9  # of a line; its beginning
_SPEAKS = re.compile(
    r"\b(?:i|i'm|i've|i'll|i'd|me|my|we|we're|us|our|you|your|you're|not|no|\w+n't|never)\b", re.IGNORECASE
)
_LIMIT = re.compile(r"at most (\d+) words")


def retell_plainly(call: Call) -> str:
    """The answer to a call of `cadence.alex.prompts.retelling`, as JSON."""
    text = next(message.text for message in call.messages if message.role == "user")
    names = {one["id"]: one["name"] for one in _objects(text, "People:")}
    limit = _LIMIT.search(text)
    left = int(limit[1]) if limit else 0
    segments: list[dict[str, Any]] = []
    for line in _objects(text, "To be told:"):
        said = " ".join(str(line["text"]).split()[:WORDS_KEPT]).rstrip(" .,;:?!")
        if "objects_to" in line or _SPEAKS.search(said) or str(line["text"]).endswith("?"):
            continue
        told = f"{names[line['speaker']]} says {said[:1].lower()}{said[1:]}."
        words = count_words(told)
        if words <= left:
            segments.append({"speaker": line["speaker"], "sources": [line["number"]], "text": told})
            left -= words
    return json.dumps({"segments": segments}, ensure_ascii=False)


def _objects(text: str, heading: str) -> Iterator[dict[str, Any]]:
    """The JSON objects, one a line, below a heading."""
    for line in text.partition(f"{heading}\n")[2].splitlines():
        if not line.startswith("{"):
            return
        yield json.loads(line)
