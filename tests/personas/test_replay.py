from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from cadence.personas.plan import make_plan
from cadence.personas.replay import ReplayError, Summary, read_plan, replay, replay_file
from cadence.personas.starter import init
from cadence.rooms import wire
from tests.personas.hall import Hall

ROOT = Path(__file__).parent.parent.parent
QMSUM = ROOT.parent / "shared/data/qmsum/val.jsonl"
TALK = json.dumps(
    {
        "meeting_transcripts": [
            {"speaker": "Professor E", "content": "So . OK ."},
            {"speaker": "Grad G", "content": "one two three four five"},
            {"speaker": "Professor E", "content": "Right ."},
        ]
    }
)
SPOKEN = [("Professor E", "So. OK."), ("Grad G", "one two three four five"), ("Professor E", "Right.")]


async def test_every_turn_is_said_in_order_by_its_speaker_at_the_speed_asked_for() -> None:
    hall = Hall()
    advanced: list[float] = []
    plan = make_plan(TALK, list)
    summary = await replay(plan, room="hall", connect=hall.connect, run_id="r", speed=2.0, advance=advanced.append)
    assert [(name, text) for name, text, _ in hall.log] == SPOKEN
    assert hall.times == pytest.approx([0.4, 1.4, 1.6])
    assert all(frame.spoken for frame in hall.frames)
    assert summary == Summary(messages=3, words=8, seconds=1.6, speakers=2, errors=0)
    assert advanced == pytest.approx([0.8, 2.0, 0.4])
    assert len(hall.doors) == 2 and hall.inside == []


async def test_what_the_server_refuses_is_counted_and_the_talk_goes_on() -> None:
    hall = Hall()
    hall.on_frame = lambda door, frame: (
        isinstance(frame, wire.Say) and frame.text.startswith("one") and hall.error(door, frame, "forbidden")
    )
    summary = await replay(make_plan(TALK, list), room="hall", connect=hall.connect, run_id="r")
    assert (summary.messages, summary.words, summary.errors) == (2, 3, 1)
    assert str(summary).endswith("; 1 refused")


async def test_a_server_that_goes_away_for_good_ends_it_in_one_sentence() -> None:
    hall = Hall()
    asyncio.get_running_loop().call_at(1.0, lambda: [door.cut(1006) for door in list(hall.inside)])
    asyncio.get_running_loop().call_at(1.0, setattr, hall, "refuse_connections", 1000)
    with pytest.raises(ReplayError, match=r"gave up after 6 attempts in a row; .* got nothing for speaker-\d$"):
        await replay(make_plan(TALK, list), room="hall", connect=hall.connect, run_id="r", speed=0.5)


async def test_replies_of_a_script_lead_to_what_was_said() -> None:
    hall = Hall()
    hall.log.append(("Pip", "before", None))
    script = '{"from": "ada", "text": "one"}\n{"from": "bo", "text": "two", "reply_to": 1}'
    await replay(make_plan(script, list), room="hall", connect=hall.connect, run_id="r")
    assert hall.log[1:] == [("ada", "one", None), ("bo", "two", 2)]


def test_a_file_is_read_with_its_problems_named(tmp_path: Path) -> None:
    file = tmp_path / "talk.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + TALK.encode())
    assert len(read_plan(file).lines) == 3
    file.write_bytes(b'{"from": "ada", "text": "x"}\n\xff\n')
    with pytest.raises(ReplayError, match=r"talk\.jsonl: line 2: expected UTF-8, got the byte 0xff$"):
        read_plan(file)
    file.write_text('{"from": "ada"}\n')
    with pytest.raises(ReplayError, match=r"talk\.jsonl: line 1: `text`: missing; expected a string$"):
        read_plan(file)
    with pytest.raises(ReplayError, match="cannot be read: Is a directory"):
        read_plan(tmp_path)


@pytest.mark.skipif(not QMSUM.exists(), reason="the meetings are not on this machine")
def test_real_meetings_can_be_read() -> None:
    plan = read_plan(QMSUM, meeting=2, minutes=10)
    assert [member.name for member in plan.cast] == [
        "Marketing",
        "Project Manager",
        "Industrial Designer",
        "User Interface",
    ]
    assert 60 < len(plan.lines) < 300 and 540 < plan.seconds <= 600


@pytest.mark.real_time
def test_a_server_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "talk.jsonl"
    file.write_text(TALK)
    with pytest.raises(ReplayError, match=r"^expected a Cadence at ws://127\.0\.0\.1:1/ws, but: "):
        replay_file(file, room="hall", speed=100, minutes=None, url="ws://127.0.0.1:1/ws", meeting=1, progress=False)
    command = [sys.executable, "-m", "cadence.cli", "replay", str(file), "--room", "r", "--url", "ws://127.0.0.1:1/ws"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)


@pytest.mark.real_time
def test_a_real_server_gets_the_talk_over_real_sockets(tmp_path: Path) -> None:
    init(tmp_path / "place")
    (tmp_path / "talk.jsonl").write_text(TALK)
    command = [sys.executable, "-m", "cadence.cli", "serve", str(tmp_path / "place")]
    command += ["--port", "0", "--data", str(tmp_path / "data")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().removeprefix("Cadence is at http://").partition("/")[0]
            summary = replay_file(
                tmp_path / "talk.jsonl",
                room="kitchen",
                speed=100,
                minutes=None,
                url=f"ws://{address}/ws",
                meeting=1,
                progress=False,
            )
            with urllib.request.urlopen(f"http://{address}/api/rooms/kitchen/messages", timeout=30) as answer:
                items = json.load(answer)["items"]
        finally:
            server.terminate()
    assert (summary.messages, summary.errors) == (3, 0)
    assert [(item["from"]["name"], item["text"], item["spoken"]) for item in items] == [
        (*turn, True) for turn in SPOKEN
    ]
