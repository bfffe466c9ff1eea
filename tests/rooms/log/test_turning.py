"""Turns of many readers together or one by one: the log is the same, and nobody fails for the sake of another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.rooms.log import LogConflict, LogError, ReaderRecord, reads
from cadence.rooms.log.schema import Store, open_store
from cadence.rooms.log.tables import STEPS
from cadence.rooms.log.turning import KEYS_AT_ONCE, AppendTurn, append_turns
from cadence.rooms.log.writes import append, commit_together, erase, open_room, save_reader
from cadence.rooms.wire import ViewPatch
from tests.rooms.log.places import draft, segment, turn


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "log.db", 0.0)
    open_room(opened, "room")
    yield opened
    opened.close()


def statements(store: Store, works: Sequence[AppendTurn]) -> int:
    seen: list[str] = []
    store.set_trace_callback(seen.append)
    outcomes = commit_together(store, works)
    store.set_trace_callback(None)
    assert [outcome.error for outcome in outcomes] == [None] * len(works)
    return len(seen)


def test_a_crowd_costs_hardly_more_statements_than_one(store: Store) -> None:
    alone = statements(store, [AppendTurn("ann", turn(1, segment("hi", 1), to=2))])
    crowd = [AppendTurn(f"r{n}", turn(1, segment("hi", n), segment("ho", n + 1), to=200)) for n in range(1, 33)]
    assert statements(store, crowd) <= alone + 4


def test_of_a_reader_only_what_a_turn_changes_is_changed(store: Store) -> None:
    before = ReaderRecord(ViewPatch(mode="paced"), ("mode",), "host", 4, 2, 9, None, 3.5, 7, b"old")
    save_reader(store, "room", "rea", before)
    append_turns(store, [AppendTurn("rea", turn(5, to=12), b"new"), AppendTurn("leo", turn(1))])
    after = ReaderRecord(ViewPatch(mode="paced"), ("mode",), "host", 5, 2, 12, None, 3.5, 7, b"new")
    assert reads.reader(store, "room", "rea") == after
    assert reads.reader(store, "room", "leo") == ReaderRecord(turn=1)
    append_turns(store, [AppendTurn("rea", turn(6, to=10))])
    assert reads.reader(store, "room", "rea") == ReaderRecord(
        ViewPatch(mode="paced"), ("mode",), "host", 6, 2, 12, None, 3.5, 7, b"new"
    )


def test_what_was_redacted_meanwhile_is_in_no_turn_of_the_crowd(store: Store) -> None:
    for n in range(3 * KEYS_AT_ONCE[-1]):
        append(store, draft(f"secret {n}", str(n)))
    gone = [1, 70, 150]
    erase(store, "room", gone)
    works = [AppendTurn(f"r{n}", turn(1, segment(f"secret {n}", n))) for n in range(1, 3 * KEYS_AT_ONCE[-1])]
    append_turns(store, works)
    texts = {work.user: reads.turns(store, "room", work.user, 0, None, 1)[0].segments[0].text for work in works}
    assert [user for user, text in texts.items() if not text] == [f"r{n}" for n in gone]


def test_one_who_is_refused_is_refused_alone(store: Store) -> None:
    works = [
        AppendTurn("ann", turn(1)),
        AppendTurn("bob", turn(2)),
        AppendTurn("cid", turn(1, room="cellar")),
        AppendTurn("dan", turn(1)),
        AppendTurn("dan", turn(2)),
    ]
    errors = [type(outcome.error) for outcome in commit_together(store, works)]
    assert errors == [type(None), LogConflict, LogError, type(None), type(None)]
    assert reads.reader(store, "room", "bob") is None
    assert [one.turn for one in reads.turns(store, "room", "dan", 0, None, 9)] == [1, 2]


def test_a_turn_that_is_stored_already_is_refused_whatever_the_record_says(store: Store) -> None:
    append_turns(store, [AppendTurn("rea", turn(1))])
    save_reader(store, "room", "rea", ReaderRecord())
    fresh, again = commit_together(store, [AppendTurn("leo", turn(1)), AppendTurn("rea", turn(1))])
    assert fresh.error is None
    assert isinstance(again.error, LogConflict) and "turn 1 of `rea` again" in str(again.error)


reader_turns = st.tuples(
    st.sampled_from("abc"), st.integers(1, 3), st.sampled_from(["room", "attic", "cellar"]), st.integers(1, 4)
)


@given(st.lists(reader_turns, max_size=12))
def test_together_is_what_one_by_one_would_be(shown: list[tuple[str, int, str, int]]) -> None:
    works = [AppendTurn(user, turn(n, segment("x", seq), room=room), bytes([seq])) for user, n, room, seq in shown]

    def left(at_once: int) -> object:
        with Store(":memory:", isolation_level=None) as opened:
            for step in STEPS:
                opened.executescript(step)
            opened.executemany("INSERT INTO rooms (room, epoch) VALUES (?, 'e')", [("room",), ("attic",)])
            append(opened, draft("x"))
            erase(opened, "room", [1])
            found: list[object] = []
            for start in range(0, len(works), at_once):
                outcomes = commit_together(opened, works[start : start + at_once])
                found += [(type(outcome.error), str(outcome.error)) for outcome in outcomes]
            for table in ("turns", "turn_sources", "readers"):
                found.append(sorted(opened.execute(f"SELECT * FROM {table}").fetchall(), key=repr))
            return found

    assert left(5) == left(1)
