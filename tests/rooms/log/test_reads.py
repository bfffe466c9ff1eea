from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cadence.rooms.log import ReaderRecord, reads
from cadence.rooms.log.schema import Store, open_store
from cadence.rooms.log.turning import AppendTurn
from cadence.rooms.log.writes import append, erase, open_room, save_reader
from tests.rooms.log.places import draft, turn


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "log.sqlite", 0.0)
    store.execute("BEGIN")
    open_room(store, "room")
    yield store
    store.close()


READS: dict[str, Callable[[Store], object]] = {
    "messages after": lambda store: reads.messages(store, "room", 5, None, 10),
    "messages before": lambda store: reads.messages(store, "room", None, 5, 10),
    "messages_at": lambda store: reads.messages_at(store, "room", [1]),
    "turns after": lambda store: reads.turns(store, "room", "rea", 5, None, 10),
    "turns before": lambda store: reads.turns(store, "room", "rea", None, 5, 10),
    "turns_at": lambda store: reads.turns_at(store, "room", "rea", [1]),
    "redacted_seqs": lambda store: reads.redacted_seqs(store, "room", 1, 9),
    "reader": lambda store: reads.reader(store, "room", "rea"),
    "raw_ranges": lambda store: reads.raw_ranges(store, "room", "rea", 4),
    "postponed": lambda store: reads.postponed(store, "room", "rea", 4),
    "session": lambda store: reads.session(store, "key"),
}


def plan(store: Store, read: Callable[[Store], object]) -> list[str]:
    """The steps in which SQLite carries out what `read` asks."""
    queries: list[str] = []
    store.set_trace_callback(queries.append)
    read(store)
    store.set_trace_callback(None)
    return [row[3] for query in queries for row in store.execute(f"EXPLAIN QUERY PLAN {query}")]


@pytest.mark.parametrize("read", READS)
def test_no_read_scans_a_table_or_sorts(store: Store, read: str) -> None:
    steps = plan(store, READS[read])
    assert steps
    assert all(step.startswith("SEARCH") for step in steps), steps


def test_redacted_seqs_are_found_by_an_index_of_redacted_messages_only(store: Store) -> None:
    assert any("messages_redacted" in step for step in plan(store, READS["redacted_seqs"]))


def test_ten_thousand_messages_are_walked_in_pages_either_way(store: Store) -> None:
    for number in range(10_000):
        append(store, draft("text", str(number)))
    forth: list[int] = []
    while page := reads.messages(store, "room", forth[-1] if forth else 0, None, 200):
        forth += [message.seq for message in page]
    back: list[int] = []
    while page := reads.messages(store, "room", None, back[0] if back else None, 200):
        back[:0] = [message.seq for message in page]
    assert forth == back == list(range(1, 10_001))
    assert len(reads.messages(store, "room", 0, None, 10_000)) == 10_000


def test_numbers_beyond_any_seq_are_answered(store: Store) -> None:
    append(store, draft())
    largest = 2**53 - 1  # what the wire lets through
    assert reads.messages(store, "room", largest, None, largest) == []
    assert len(reads.messages(store, "room", None, largest, largest)) == 1
    assert reads.messages_at(store, "room", [largest]) == []
    assert reads.turns_at(store, "room", "rea", [largest]) == []
    assert erase(store, "room", [largest]) == []


def test_a_reader_reads_back_with_the_types_it_had(store: Store) -> None:
    save_reader(store, "room", "rea", ReaderRecord(locked=("mode",), closed_at=5.0))
    AppendTurn("rea", turn(1))(store)
    found = reads.reader(store, "room", "rea")
    assert found == ReaderRecord(locked=("mode",), turn=1, closed_at=5.0)
    assert found is not None and isinstance(found.locked, tuple) and isinstance(found.closed_at, float)
