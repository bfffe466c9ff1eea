from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cadence.alex.memory import RUNS_MAX, ReaderMemory, Runs
from cadence.alex.turns import Pick, quoted
from cadence.rooms.wire import Turn
from tests.alex.talk import entry, line


def shown_turn(seq: int) -> Turn:
    said = entry(seq, line(seq))
    segments = tuple(quoted([Pick(said, said.parsed.units[0], 1.0)]))
    return Turn(room="lab", turn=1, at="", mode="paraphrase", covers=None, words=13, segments=segments, by="embedded")


def test_what_is_shown_is_known_by_message_content_speaker_and_side() -> None:
    memory, unit = ReaderMemory(), entry(7, line(7)).parsed.units[0]
    memory.show(unit, 0.25, "side 0", 0.0)
    assert memory.has_seen(7) and not memory.has_seen(8)
    assert memory.units.repeats([unit]).tolist() == [True]
    assert memory.speakers.reward("vera", 0.0) == memory.speakers.reward("side 0", 0.0) == 0.25


def test_stored_turns_bring_back_what_they_showed() -> None:
    memory = ReaderMemory()
    memory.recall([shown_turn(7)])
    assert memory.has_seen(7)
    assert memory.units.repeats([entry(9, line(7)).parsed.units[0]]).tolist() == [True]


def test_clearing_lets_all_be_said_anew() -> None:
    memory, unit = ReaderMemory(), entry(7, line(7)).parsed.units[0]
    memory.show(unit, 0.25, None, 0.0)
    memory.clear()
    assert memory.units.repeats([unit]).tolist() == [False]
    assert memory.speakers.reward("vera", 0.0) == 0.0


def test_messages_are_remembered_up_to_a_bound() -> None:
    memory = ReaderMemory()
    for seq in range(0, 2 * RUNS_MAX + 2, 2):
        memory.saw(seq)
    assert not memory.has_seen(0) and memory.has_seen(2) and memory.has_seen(2 * RUNS_MAX)
    assert not memory.has_seen(3)


def test_what_is_read_raw_is_one_run_however_long() -> None:
    memory = ReaderMemory()
    for seq in range(50_000):
        memory.saw(seq)
    assert len(memory._seqs) == 1 and memory.has_seen(0) and memory.has_seen(49_999) and not memory.has_seen(50_000)


@given(st.lists(st.integers(0, 30)))
def test_runs_hold_what_a_set_would(numbers: list[int]) -> None:
    runs, held = Runs(), set[int]()
    for number in numbers:
        runs.add(number)
        held.add(number)
        assert [one for one in range(-1, 32) if one in runs] == sorted(held)
        assert len(runs) == sum(one - 1 not in held for one in held)
