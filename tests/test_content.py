"""The shipped place: read directly, as a host's editor would, then through the checker."""

from __future__ import annotations

import json
import random
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cadence.personas.place import load_place

ROOT = Path(__file__).resolve().parents[1]
ROOMS = sorted((ROOT / "rooms").glob("*.toml"))
SCRIPTS = sorted(path.name.removesuffix(".script.jsonl") for path in (ROOT / "rooms").glob("*.script.jsonl"))
ROOM_KEYS = {"title", "scope", "pods", "members", "script", "public", "view"}
CARD_KEYS = {"name", "pronouns", "voice", "model", "temperament"}
LINE_KEYS = {"from", "text", "after_s", "reply_to", "parts", "spoken"}
FENCE = re.compile(r"^```", re.MULTILINE)

every_script = pytest.mark.parametrize("script", SCRIPTS)


def lines(script: str) -> list[dict[str, Any]]:
    text = (ROOT / "rooms" / f"{script}.script.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def parts(script: str, kind: str) -> list[dict[str, Any]]:
    return [part for line in lines(script) for part in line.get("parts", ()) if part["kind"] == kind]


def fences(script: str, lang: str) -> list[str]:
    pattern = re.compile(rf"^```{lang}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [source for line in lines(script) for source in pattern.findall(line["text"])]


def python(script: str) -> list[str]:
    return fences(script, "python") + [part["body"] for part in parts(script, "code") if part["lang"] == "python"]


def tool(script: str, name: str) -> list[dict[str, Any]]:
    return [json.loads(part["body"])["result"] for part in parts(script, "tool") if part["name"] == name]


def front_matter(path: Path) -> tuple[dict[str, Any], str]:
    _, front, prompt = path.read_text(encoding="utf-8").split("+++\n", 2)
    return tomllib.loads(front), prompt


def test_the_shipped_place_has_no_problems() -> None:
    assert [str(problem) for problem in load_place(ROOT).problems] == []


def test_there_are_three_conversations_and_at_least_eleven_speakers_in_all() -> None:
    assert {"incident", "ledger", "review"} <= set(SCRIPTS)
    assert len({line["from"] for script in SCRIPTS for line in lines(script)}) >= 11


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: path.stem)
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
    for path in ROOMS:
        assert "alex" not in tomllib.loads(path.read_text(encoding="utf-8")).get("members", [])


@every_script
def test_every_speaker_is_a_member_with_a_card_and_enough_to_say(script: str) -> None:
    room = tomllib.loads((ROOT / "rooms" / f"{script}.toml").read_text(encoding="utf-8"))
    spoken = [line["from"] for line in lines(script)]
    assert len(set(spoken)) >= 5
    assert set(spoken) == set(room["members"])
    assert all((ROOT / "personas" / f"{member}.md").is_file() for member in room["members"])
    assert min(spoken.count(member) for member in room["members"]) >= 12


@pytest.mark.parametrize(("script", "length"), [("incident", 260), ("ledger", 400), ("review", 260)])
def test_a_conversation_is_long_enough_and_every_line_is_known_and_says_something(script: str, length: int) -> None:
    assert len(lines(script)) >= length
    for line in lines(script):
        assert line.keys() <= LINE_KEYS
        assert line["text"].strip()


@every_script
def test_every_reply_points_to_an_earlier_line_of_somebody_or_oneself(script: str) -> None:
    replies = [(number, line["reply_to"]) for number, line in enumerate(lines(script), 1) if "reply_to" in line]
    assert len(replies) >= 50
    assert all(1 <= target < number for number, target in replies)


@every_script
def test_every_fence_that_opens_also_closes(script: str) -> None:
    fenced = [line["text"] for line in lines(script) if "```" in line["text"]]
    assert len(fenced) >= 3
    assert all(len(FENCE.findall(text)) % 2 == 0 for text in fenced)


@pytest.mark.parametrize(
    ("script", "code", "tools", "data"), [("incident", 0, 6, 1), ("ledger", 2, 1, 1), ("review", 2, 1, 1)]
)
def test_there_are_parts_of_several_kinds_and_tool_bodies_are_json(
    script: str, code: int, tools: int, data: int
) -> None:
    found = [len(parts(script, kind)) for kind in ("code", "tool", "data")]
    assert all(have >= wanted for have, wanted in zip(found, (code, tools, data), strict=True))
    for part in parts(script, "tool"):
        assert {"call", "result"} <= json.loads(part["body"]).keys()


@every_script
def test_the_python_in_a_conversation_compiles(script: str) -> None:
    for source in python(script):
        compile(source, f"rooms/{script}.script.jsonl", "exec", dont_inherit=True)


@pytest.mark.parametrize(("script", "sources"), [("incident", 2), ("ledger", 4), ("review", 6)])
def test_a_conversation_about_code_shows_some(script: str, sources: int) -> None:
    assert len(python(script)) >= sources


def test_the_figures_of_the_ledgers_register_add_up_to_the_total_the_room_argues_from() -> None:
    register = next(part["body"] for part in parts("ledger", "data") if part["name"] == "harm_register_24_months")
    _, *rows, total = (row.split(",") for row in register.splitlines())
    assert [sum(int(row[column]) for row in rows) for column in (1, 2)] == [int(figure) for figure in total[1:]]
    assert int(total[1]) == 214


def test_the_backlog_of_the_incident_is_the_one_its_rates_make() -> None:
    corve = tool("incident", "stream_lag")[0]["corve"]
    assert round(412 / 10, 1) == corve["in_per_s"]
    spare, stalled = 1.2, 48 * corve["in_per_s"]
    at_2302, at_2307 = (minutes * 60 * spare + stalled for minutes in (302, 307))
    assert corve["waiting"] == round(at_2302)
    peek = tool("incident", "peek")[0]
    assert peek["waiting"] == round(at_2307) == sum(peek["by_type"].values())


def test_the_tablets_log_of_the_incident_agrees_with_the_table_made_from_it() -> None:
    def seconds(clock: str) -> int:
        hours, minutes, rest = map(int, clock.split(":"))
        return hours * 3600 + minutes * 60 + rest

    log, table = (next(text for text in fences("incident", "text") if mark in text) for mark in ("not shown", "sent "))
    rows = [row.split() for row in table.splitlines()[1:]]
    dropped = [(entry.split()[0], int(entry.split()[4])) for entry in log.splitlines()]
    for (_, sent, arrived, took), (logged, ago) in zip(rows, dropped, strict=True):
        assert arrived == logged
        assert seconds(arrived) - seconds(sent) == int(took) == ago + 90


def draw(name: str) -> Callable[..., list[Any]]:
    """`offers` as the review shows it, so that what the room says of its code can be tried."""
    namespace: dict[str, Any] = {}
    source = next(part["body"] for part in parts("review", "code") if part["name"] == name)
    exec(compile(source, name, "exec", dont_inherit=True), namespace)
    offers: Callable[..., list[Any]] = namespace["offers"]
    return offers


def waiting(length: int, names: random.Random) -> list[Any]:
    order = list(range(length))
    names.shuffle(order)
    return [SimpleNamespace(number=at + 1, name=f"{order[at]:04}", joined=2020 + at * 12 // length) for at in order]


def test_the_bug_of_the_review_is_real_and_its_last_version_has_it_no_more() -> None:
    lists = [waiting(1912, random.Random(seed)) for seed in (1, 2)]
    rounded, last = (
        [{entry.number for entry in draw(name)(entries, *terms)} for entries in lists]
        for name, terms in (("draw_v2", ("41662", 2031, 64)), ("offers_final", ("41662", 64)))
    )
    assert rounded[0] != rounded[1]
    assert last[0] == last[1]


def test_the_throw_at_the_end_of_the_review_draws_whom_the_room_says() -> None:
    numbers = [entry.number for entry in draw("offers_final")(waiting(1958, random.Random(1)), "13236", 64)]
    assert numbers[:32] == list(range(1, 33))
    assert numbers[32] == 1946
    assert [number for number in numbers[32:] if number < 118] == [99]


def test_the_last_version_of_the_review_refuses_a_number_given_twice() -> None:
    entries = waiting(800, random.Random(1))
    with pytest.raises(ValueError, match="700 twice"):
        draw("offers_final")([*entries, SimpleNamespace(number=700, name="again", joined=2026)], "41662", 64)
