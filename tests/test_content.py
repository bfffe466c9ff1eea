"""The shipped place: read directly, as a host's editor would, then through the checker."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cadence.personas.place import load_place

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "rooms" / "ledger.script.jsonl"
ROOM_KEYS = {"title", "scope", "pods", "members", "script", "public", "view"}
CARD_KEYS = {"name", "pronouns", "voice", "model", "temperament"}
LINE_KEYS = {"from", "text", "after_s", "reply_to", "parts", "spoken"}
FENCE = re.compile(r"^```", re.MULTILINE)


def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in SCRIPT.read_text(encoding="utf-8").splitlines()]


def parts(kind: str) -> list[dict[str, Any]]:
    return [part for line in lines() for part in line.get("parts", ()) if part["kind"] == kind]


def front_matter(path: Path) -> tuple[dict[str, Any], str]:
    _, front, prompt = path.read_text(encoding="utf-8").split("+++\n", 2)
    return tomllib.loads(front), prompt


def test_the_shipped_place_has_no_problems() -> None:
    assert [str(problem) for problem in load_place(ROOT).problems] == []


@pytest.mark.parametrize("path", sorted((ROOT / "rooms").glob("*.toml")), ids=lambda path: path.stem)
def test_a_room_file_has_a_title_and_only_known_keys(path: Path) -> None:
    room = tomllib.loads(path.read_text(encoding="utf-8"))
    assert room["title"]
    assert room.keys() <= ROOM_KEYS


@pytest.mark.parametrize("path", sorted((ROOT / "personas").glob("*.md")), ids=lambda path: path.stem)
def test_a_card_names_its_persona_and_says_how_it_speaks(path: Path) -> None:
    front, prompt = front_matter(path)
    assert front["name"] and front["pronouns"]
    assert front.keys() <= CARD_KEYS
    assert len(prompt.split()) > 80


def test_alex_is_they_and_in_no_room() -> None:
    front, _ = front_matter(ROOT / "personas" / "alex.md")
    assert front["pronouns"] == "they/them"
    for path in (ROOT / "rooms").glob("*.toml"):
        assert "alex" not in tomllib.loads(path.read_text(encoding="utf-8")).get("members", [])


def test_every_speaker_is_a_member_with_a_card_and_enough_to_say() -> None:
    room = tomllib.loads((ROOT / "rooms" / "ledger.toml").read_text(encoding="utf-8"))
    spoken = [line["from"] for line in lines()]
    assert len(set(spoken)) >= 5
    assert set(spoken) == set(room["members"])
    assert all((ROOT / "personas" / f"{member}.md").is_file() for member in room["members"])
    assert min(spoken.count(member) for member in room["members"]) >= 30


def test_the_conversation_is_long_enough_and_every_line_is_known_and_says_something() -> None:
    assert len(lines()) >= 400
    for line in lines():
        assert line.keys() <= LINE_KEYS
        assert line["text"].strip()


def test_every_reply_points_to_an_earlier_line_of_somebody_or_oneself() -> None:
    replies = [(number, line["reply_to"]) for number, line in enumerate(lines(), 1) if "reply_to" in line]
    assert len(replies) >= 50
    assert all(1 <= target < number for number, target in replies)


def test_every_fence_that_opens_also_closes() -> None:
    fenced = [line["text"] for line in lines() if "```" in line["text"]]
    assert len(fenced) >= 3
    assert all(len(FENCE.findall(text)) % 2 == 0 for text in fenced)


def test_there_are_code_tool_and_data_parts_and_tool_bodies_are_json() -> None:
    assert len(parts("code")) >= 2
    assert parts("data")
    assert parts("tool")
    for part in parts("tool"):
        assert {"call", "result"} <= json.loads(part["body"]).keys()


def test_the_figures_of_the_register_add_up_to_the_total_the_room_argues_from() -> None:
    register = next(part["body"] for part in parts("data") if part["name"] == "harm_register_24_months")
    _, *rows, total = (row.split(",") for row in register.splitlines())
    assert [sum(int(row[column]) for row in rows) for column in (1, 2)] == [int(figure) for figure in total[1:]]
    assert int(total[1]) == 214


def test_the_python_in_the_conversation_compiles() -> None:
    fences = [re.findall(r"^```python\n(.*?)^```", line["text"], re.MULTILINE | re.DOTALL) for line in lines()]
    sources = [source for found in fences for source in found]
    sources += [part["body"] for part in parts("code") if part["lang"] == "python"]
    assert len(sources) >= 4
    for source in sources:
        compile(source, "rooms/ledger.script.jsonl", "exec")
