"""Two rooms of a real server: what one talks of is overheard in the other, and taken back there too."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests import checks
from tests.checks import log_of
from tests.served import Served
from tests.stranger import Closed, Frame, Stranger

pytestmark = pytest.mark.real_time
HALL, ATTIC, CELLAR = "hall", "attic", "cellar"
SUBJECTS = "lease|ledger|backup|roof|pager|budget|replica|window|garden|clinic|shard|queue".split("|")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    rooms = tmp_path / "place" / "rooms"
    rooms.mkdir(parents=True)
    (rooms / "hall.toml").write_text(
        'title = "The hall"\nscope = "house/ground"\npods = ["hearth", "door"]\n'
        "[view]\nsigma = 10\ncadence_s = 1\npace_wpm = 1000\ninterests = ['ledger']\nwhisper = 'heavy'\n"
    )
    (rooms / "attic.toml").write_text('title = "The attic"\nscope = "house/top"\n')
    (rooms / "cellar.toml").write_text('title = "The cellar"\nscope = "house/ground"\npublic = false\n')
    return tmp_path / "place"


async def chatter(agent: Stranger, room: str, stop: asyncio.Event) -> None:
    """A sentence every fifth of a second, no two alike."""
    number = 0
    while not stop.is_set():
        first, second = (SUBJECTS[(number * step + shift) % len(SUBJECTS)] for step, shift in ((1, 0), (5, 3)))
        try:
            await agent.say(
                room, f"The {first} was moved beside the {second} for the {number}th time.", id=f"m{number}"
            )
            async with asyncio.timeout(0.2):
                await stop.wait()
        except TimeoutError:
            pass
        except Closed:
            return
        number += 1


def shows(kind: str, room: str) -> object:
    def test(frame: Frame) -> bool:
        return frame["type"] == "turn" and any(s["kind"] == kind and s.get("room") == room for s in frame["segments"])

    return test


async def test_a_guest_overhears_the_attic_and_not_the_closed_cellar(place: Path, tmp_path: Path) -> None:
    async with Served(place, tmp_path / "data") as server:
        eve, rae = await server.guest("Eve", "agent"), await server.guest("Rae")
        host = await server.guest("Hana", token=server.host_token)
        await eve.join(ATTIC)
        await rae.join(HALL)
        await host.join(CELLAR, view={"mode": "raw"})
        stop = asyncio.Event()
        talking = [asyncio.create_task(chatter(eve, ATTIC, stop)), asyncio.create_task(chatter(host, CELLAR, stop))]
        heard = await rae.until(shows("ambient", ATTIC))  # type: ignore[arg-type]
        whispered = await rae.until(shows("whisper", ATTIC))  # type: ignore[arg-type]
        stop.set()
        await asyncio.wait(talking)
        said = next(segment for segment in whispered["segments"] if segment["kind"] == "whisper")
        assert "The attic" in said["text"] and "Eve" in said["text"] and said["speakers"] == [eve.id]
        seq = next(segment for segment in heard["segments"] if segment["kind"] == "ambient")["sources"][0]
        await eve.redact(ATTIC, seq)
        await rae.until(lambda frame: frame["type"] == "redacted" and frame["room"] == ATTIC and frame["seq"] == seq)
        page = await rae.history(HALL, stream="turns", after=heard["turn"] - 1, limit=1)
        (left,) = [s for s in page["items"][0]["segments"] if seq in s["sources"] and s.get("room") == ATTIC]
        assert left["redacted"] and left["text"] == "" and left["speakers"] == [eve.id]
        hall, attic = (log_of(room, [eve.diary, rae.diary]) for room in (HALL, ATTIC))
        hall.others[ATTIC] = attic
        assert checks.reader("Rae", rae.diary, hall, rae.id, calm=[]).violations == []
        assert checks.agent("Eve", eve.diary, attic, eve.id, calm=[]).violations == []
        rooms = {s.get("room") for turn in rae.received("turn") for s in turn["segments"]}
        assert CELLAR not in rooms
        for stranger in (eve, rae, host):
            await stranger.cut()
