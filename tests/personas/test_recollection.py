from __future__ import annotations

import os
import stat
from pathlib import Path

from structlog.testing import capture_logs

from cadence.personas.chronicle import Chronicle
from cadence.personas.play import Speak
from cadence.personas.recollection import MindFile, forget_chronicle, load_chronicle, save_chronicle
from cadence.personas.thoughts import Memory
from cadence.rooms.wire import Part
from tests.personas.test_chronicle import message

PENDING = Speak("vera", "life1-7", "Eleven.", (Part("tool", "{}", name="calculate"),), reply_to=3)


def test_what_is_kept_is_there_for_the_next_life(tmp_path: Path) -> None:
    path = tmp_path / "minds" / "hall.vera.json"
    file = MindFile(path)
    assert file.load("e1", 40) == Memory(40), "who is new begins with what is said from now on"
    file.keep(Memory(38, PENDING), at_once=True)
    assert MindFile(path).load("e1", 45) == Memory(38, PENDING)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_memory_of_another_log_is_none(tmp_path: Path) -> None:
    path = tmp_path / "hall.vera.json"
    file = MindFile(path)
    file.load("e1", 40)
    file.keep(Memory(38, PENDING), at_once=True)
    assert MindFile(path).load("e2", 5) == Memory(5)
    assert MindFile(path).load("e1", 5) == Memory(5), "a log that is shorter than what was settled"


def test_what_only_says_how_far_it_came_is_not_written_each_time(tmp_path: Path) -> None:
    path = tmp_path / "hall.vera.json"
    file = MindFile(path)
    file.load("e1", 0)
    file.keep(Memory(1))
    file.keep(Memory(2))
    assert MindFile(path).load("e1", 9) == Memory(1)
    file.keep(Memory(2), at_once=True)
    assert MindFile(path).load("e1", 9) == Memory(2)


def test_a_broken_file_is_like_none_and_is_told(tmp_path: Path) -> None:
    (tmp_path / "hall.vera.json").write_text('{"epoch": 3')
    (tmp_path / "hall.chronicle").write_bytes(b"\xc1nonsense")
    with capture_logs() as logs:
        assert MindFile(tmp_path / "hall.vera.json").load("e1", 40) == Memory(40)
        assert load_chronicle(tmp_path / "hall.chronicle", "hall") is None
    assert len(logs) == 2


def test_a_disk_that_takes_nothing_is_told_and_the_mind_goes_on(tmp_path: Path) -> None:
    (tmp_path / "minds").write_text("a file, not a folder")
    file = MindFile(tmp_path / "minds" / "hall.vera.json")
    with capture_logs() as logs:
        file.keep(Memory(1), at_once=True)
    assert logs[0]["event"] == "what a mind remembers could not be written"


def test_nothing_is_kept_where_there_is_no_place_for_it() -> None:
    file = MindFile(None)
    file.keep(Memory(1), at_once=True)
    assert file.load("e1", 7) == Memory(7)
    assert load_chronicle(None, "hall") is None
    forget_chronicle(None)


def test_a_chronicle_is_stored_whole_and_forgotten_for_good(tmp_path: Path) -> None:
    chronicle, path = Chronicle("hall", "e1"), tmp_path / "hall.chronicle"
    for seq in range(1, 51):
        chronicle.hear(message(seq, f"On day {seq} the harbour master counted {seq} boats."))
    chronicle.pyramid.settle()
    save_chronicle(path, chronicle.stored())
    found = load_chronicle(path, "hall")
    assert found is not None and found.epoch == "e1" and found.pyramid.bodies() == chronicle.pyramid.bodies()
    assert os.listdir(tmp_path) == ["hall.chronicle"], "nothing is left beside it"
    forget_chronicle(path)
    assert load_chronicle(path, "hall") is None
