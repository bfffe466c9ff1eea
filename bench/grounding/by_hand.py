"""Conversations written for this purpose, each with a faithful paraphrase of every message, written by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from bench.grounding.corpus import CLAIMS_WORDS_MAX, Case
from cadence.alex.grounding import Claim, Ground, Source
from cadence.lod.stance import stance

FILE = Path(__file__).with_name("by_hand.jsonl")
PRONOUNS = {
    "she": "Nadia Sook Ilse Adaeze Greta Yara Hanne Lena Sofia Elin June Freya Aroha Wanda Zofia Noor Bea Kaja Rosa"
    " Ulla Mina Leila Cleo Tove Petra",
    "he": "Tom Ruben Marek Pavel Oskar Ben Idris Chidi Vikram Mo Tariq Dario Kenji Piet Amir Sven Otto Samir Finn"
    " Goran Jakob Arne Raj Luis Yusuf",
}


def by_hand() -> list[Case]:
    """All of them, conversation by conversation."""
    return [case for line in FILE.read_text(encoding="utf-8").splitlines() for case in _cases(json.loads(line))]


def _cases(raw: dict[str, list[list[object]]]) -> Iterator[Case]:
    said = [(str(one[0]), str(one[1]), int(str(one[2])) if len(one) > 2 else None) for one in raw["said"]]
    names = {name.lower(): name for name, _, _ in said}
    sources: dict[int, Source] = {}
    for key, (name, text, about) in enumerate(said, 1):
        answered = said[about - 1] if about else None
        objects = answered is not None and stance(text, to_question=answered[1].endswith("?")) == "objection"
        sources[key] = Source(
            key, key, name.lower(), name, text,
            question=text.endswith("?"),
            addressee=answered[0] if answered else next((other for other in names.values() if other != name), ""),
            objects=objects,
            before=" ".join(text for _, text, _ in said[max(0, key - 3) : key - 1]),
        )  # fmt: skip
    pronouns = {name.lower(): pronoun for pronoun, those in PRONOUNS.items() for name in those.split()}
    for name, of, text in raw["told"]:
        assert isinstance(of, list)
        claim = Claim((str(name).lower(),), tuple(int(key) for key in of), str(text))
        yield Case("by hand", True, (claim,), Ground(sources, CLAIMS_WORDS_MAX, names, pronouns))
