from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from structlog.testing import capture_logs

from cadence.alex.carried import CARRIED_BYTES_MAX, SCOPES_MAX, VERSION, Carried, carried, read
from cadence.alex.reader import Reader
from cadence.lod.allocation import CREDIT_WORDS_MAX
from cadence.lod.pace import SAMPLES_MIN
from cadence.rooms.wire import After, Read, Segment, Turn, ViewPatch
from tests.alex.house import ADA, House, house, wait
from tests.alex.talk import line

LEASE = "The lease of the second node runs out before the backup is done."
WIDE = ViewPatch(sigma=4.0)


def reader_of(lab: House) -> Reader:
    return lab.driver._rooms["lab"].readers["ada"]


async def again(lab: House, away: float = 1.0) -> None:
    """The server is killed and started again, and Ada comes back."""
    after = lab.after()
    await lab.restart()
    await lab.open_other()
    await wait(away)
    await lab.attach(ADA, after)


async def read_turns(lab: House, wpm: float, done: int) -> int:
    """Ada reads what she has not read, and says how long it took; returns how many turns that makes."""
    shown = lab.turns()[done:]
    for turn in shown:
        seconds = turn.words / (wpm / 60)
        await wait(seconds)
        lab.driver.read("ada", Read(room="lab", turn=turn.turn, dwell_s=seconds))
    return done + len(shown)


async def learned() -> tuple[float | None, float]:
    """What is known, and which pace is set, of somebody who reads 400 words a minute and whose server is restarted."""
    async with house() as lab:
        await lab.open_other()
        await lab.attach()
        done = 0
        for number in range(40):
            await lab.flood(8)
            if number % 8 == 7:
                await again(lab)
            done = await read_turns(lab, 400.0, done)
        return reader_of(lab).pace.estimate.wpm, reader_of(lab).view.pace_wpm


async def test_a_pace_is_learned_over_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    known, pace = await learned()
    assert known is not None and abs(known / 400.0 - 1.0) < 0.1 and pace > 260.0
    monkeypatch.setattr("cadence.alex.delivery.carried", lambda reader: b"")
    assert await learned() == (None, 238.0)


async def test_a_turn_that_was_read_before_a_restart_does_not_teach_twice() -> None:
    async with house() as lab:
        await lab.open_other()
        await lab.attach()
        await lab.flood(30)
        done = await read_turns(lab, 400.0, 0)
        await lab.flood(10)
        await wait(6)
        known = len(reader_of(lab).pace.estimate.samples)
        await again(lab)
        assert len(reader_of(lab).pace.estimate.samples) == known > 0
        for turn in lab.turns()[:done]:
            lab.driver.read("ada", Read(room="lab", turn=turn.turn, dwell_s=turn.words / 6))
        assert len(reader_of(lab).pace.estimate.samples) == known


async def test_what_a_scope_is_owed_is_owed_after_a_restart() -> None:
    async with house() as lab:
        await lab.open_other()
        await lab.attach(patch=WIDE)
        for _ in range(12):
            await lab.say(line(lab.head), "vera")
            await lab.chatter(3)
        await wait(6)
        record = await lab.store.reader("lab", "ada")
        assert record is not None
        owed = read(record.carried, lab.epoch, "lab").owed
        await again(lab)
        mediator = reader_of(lab).mediator
        assert mediator is not None and mediator.listening.owed == owed and owed["hut"]


async def interested(lab: House) -> None:
    """Ada writes of leases and opens what is said of backups, and a turn is stored after it."""
    await lab.open_other()
    await lab.attach(patch=ViewPatch(whisper="light", sigma=4.0))
    for _ in range(3):
        await lab.say(LEASE, "ada", "human")
    said = await lab.say(f"{LEASE} And the ledger burned.", "vera")
    lab.driver.opened("lab", "ada", [said.seq])
    await lab.flood(20)
    await wait(10)


def whispers(lab: House) -> list[Segment]:
    return [one for turn in lab.turns() for one in turn.segments if one.kind == "whisper"]


async def test_what_touches_a_reader_is_known_over_a_restart() -> None:
    async with house() as lab:
        await interested(lab)
        before = reader_of(lab).mediator
        assert before is not None and not whispers(lab)
        await again(lab)
        after = reader_of(lab).mediator
        assert after is not None and after.listening.whispers.own() == before.listening.whispers.own() != []
        assert after.nearby(lab.clock()) == before.nearby(lab.clock()) >= {"vera"}
        await lab.say_in_hut(LEASE)
        await wait(20)
        assert [one.room for one in whispers(lab)] == ["hut"]


async def test_what_was_redacted_touches_nobody_after_a_restart() -> None:
    """Law 17: only numbers are kept, and what they stood for is gone."""
    async with house() as lab:
        await interested(lab)
        for seq in (1, 2, 3):
            await lab.store.redact("lab", seq)
        await again(lab)
        mediator = reader_of(lab).mediator
        assert mediator is not None and [seq for seq, *_ in mediator.listening.whispers.own()] == [4]
        await lab.say_in_hut(LEASE)
        await wait(20)
        assert not whispers(lab)


async def test_nothing_is_written_for_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes with the turns; a look that shows nothing writes nothing."""
    async with house() as lab:
        await lab.open_other()
        await lab.attach(patch=WIDE)
        writes: list[str] = []
        for name in ("save_reader", "append_turn", "add_postponed"):
            works = getattr(lab.store, name)
            monkeypatch.setattr(lab.store, name, lambda *a, works=works, name=name: (writes.append(name), works(*a))[1])
        await lab.chatter(60)
        assert writes == ["append_turn"] * len(lab.turns())


async def test_it_is_small_whatever_happened() -> None:
    async with house() as lab:
        await lab.open_other()
        await lab.attach(patch=WIDE)
        reader = reader_of(lab)
        assert reader.mediator is not None
        for _ in range(100):
            await lab.say(LEASE, "ada", "human")
        reader.mediator.listening.owe({f"scope {number}" + 90 * "x": float(number) for number in range(200)})
        reader.pace.estimate.recall([5.0] * 100)
        stored = carried(reader)
        found = read(stored, lab.epoch, "lab")
        assert len(stored) < CARRIED_BYTES_MAX
        assert len(found.owed) == SCOPES_MAX and max(found.owed.values()) == CREDIT_WORDS_MAX
        assert len(found.pace) == 40 >= SAMPLES_MIN


def packed(**fields: object) -> bytes:
    return msgspec.msgpack.encode({"version": VERSION, "epoch": "now", **fields})


@pytest.mark.parametrize(
    "stored",
    [
        b"\x00",
        b"{}",
        b"\xff" * 100,
        packed(version=VERSION + 1),
        packed(epoch=7),
        packed(pace=[float("nan")]),
        packed(pace=[1e9]),
        packed(pace=[5.0] * 41),
        packed(owed={"attic": 1e6}),
        packed(owed={"attic": float("nan")}),
        packed(owed={"x" * 1000: 1.0}),
        packed(own=[[-1, 1.0, 0.0]]),
        packed(own=[[2**60, 1.0, 0.0]]),
        packed(own=[[1, float("inf"), 0.0]]),
        packed(own=[[1, 1.0, float("nan")]]),
        packed(own=[[1, 1.0, 0.0]] * 65),
        packed(paced_at=float("-inf")),
        packed(acted_at="yesterday"),
        b"x" * (CARRIED_BYTES_MAX + 1),
    ],
)
def test_what_is_not_ours_is_ignored_with_a_line(stored: bytes) -> None:
    with capture_logs() as logged:
        assert read(stored, "now", "lab") == Carried(VERSION, "now")
    (entry,) = logged
    assert entry["log_level"] == "warning" and entry["room"] == "lab" and len(entry["why"]) < 200


def test_nothing_stored_is_nothing_to_tell_of() -> None:
    with capture_logs() as logged:
        assert read(b"", "now", "lab") == Carried(VERSION, "now")
    assert not logged


def test_what_a_newer_cadence_adds_is_passed_over() -> None:
    assert read(packed(pace=[5.0], mood="calm"), "now", "lab").pace == (5.0,)


def test_after_a_new_epoch_numbers_of_messages_mean_nothing() -> None:
    found = read(packed(pace=[5.0], owed={"attic": 7.0}, own=[[1, 1.0, 0.0]], acted_at=5.0), "then", "lab")
    assert found == Carried(VERSION, "then", pace=(5.0,), owed={"attic": 7.0})


async def test_a_reader_whose_record_is_damaged_joins_as_if_new() -> None:
    async with house() as lab:
        await interested(lab)
        record = await lab.store.reader("lab", "ada")
        assert record is not None and record.carried
        after = lab.after()
        await lab.driver.close()
        await lab.store.save_reader("lab", "ada", replace(record, carried=b"?"))
        await lab.restart()
        with capture_logs() as logged:
            await lab.attach(ADA, After(after.epoch, after.seq, after.turn))
        assert [entry["log_level"] for entry in logged] == ["warning"]
        await lab.flood(20)
        await wait(10)
        assert isinstance(lab.frames()[-1], Turn) or lab.turns()
