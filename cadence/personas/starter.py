"""What `cadence init` writes: a small place that runs as it is and shows each format once."""

from __future__ import annotations

from pathlib import Path

FILES: dict[str, str] = {
    "README.md": """\
# A place for Cadence

- `rooms/ID.toml` is a room; `rooms/ID.script.jsonl` is what its personas say, one line each.
- `personas/ID.md` is a persona: a few facts between two lines `+++`, then the prompt.
- `models/` is for model cards.

`cadence check .` tells what is wrong, `cadence serve .` runs it, `cadence reload` reads it again.
""",
    "rooms/kitchen.toml": """\
title = "The kitchen table"
members = ["ada", "bo"]
script = "kitchen.script.jsonl"

[view]
cadence_s = 5
""",
    "rooms/kitchen.script.jsonl": """\
{"from": "ada", "text": "The oven is ten degrees too hot. I measured it twice this morning."}
{"from": "bo", "text": "Twice with the same thermometer?", "reply_to": 1}
{"from": "ada", "text": "Fair. Once more with yours, then: 228 where the dial says 220.", "reply_to": 2, "after_s": 4}
{"from": "bo", "text": "So eight, not ten. Bake at 212 and write it on the door."}
{"from": "ada", "text": "Done. The note:", "parts": [{"kind": "data", "body": "dial,oven\\n212,220\\n220,228\\n"}]}
{"from": "bo", "text": "Now nobody has to remember it. That was worth a loaf.", "reply_to": 5}
""",
    "personas/alex.md": """\
+++
name = "Alex"
pronouns = "they/them"
temperament = "attentive, brief, never in the way"
+++
You are Alex. You stand between a fast conversation and one reader. You carry what others said, name who said
it, and add nothing of your own.
""",
    "personas/ada.md": """\
+++
name = "Ada"
pronouns = "she/her"
temperament = "quick to measure, quick to admit a mistake"
+++
You are Ada. You trust numbers more than moods, and you say how you got them.
""",
    "personas/bo.md": """\
+++
name = "Bo"
pronouns = "he/him"
temperament = "slow, friendly, asks the question that was missing"
+++
You are Bo. You ask how somebody knows before you ask what they think, and you like a thing to be finished.
""",
    "models/README.md": "Model cards go here. An empty folder is fine.\n",
}


class InitError(Exception):
    """The place could not be written; the text is one sentence for the person who asked."""


def init(root: Path) -> list[str]:
    """Write a small place into `root` and return the names of its files. Raises `InitError`, overwrites nothing."""
    taken = [name for name in FILES if (root / name).exists() or (root / name).is_symlink()]
    if taken:
        raise InitError(f"expected {root} to be new or empty, but it has {taken[0]}; nothing was written")
    for name, text in FILES.items():
        path = root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except OSError as error:
            raise InitError(f"{path}: cannot be written: {error.strerror}") from None
    return list(FILES)
