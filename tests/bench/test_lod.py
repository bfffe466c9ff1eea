"""The benchmark's own parts, on meetings small enough to check by hand; the real data are not needed here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench.lod.baselines import BASELINES, oracle
from bench.lod.data import Absent, Meeting, Question, arguments, channels, meetings
from bench.lod.encodings import Encodings
from bench.lod.figures import difference, mean, recall, score, topics
from bench.lod.lazy import richest
from bench.lod.mediated import Line, Mediated
from bench.lod.report import Criterion, Found, Table, as_json
from bench.lod.stances import FOLDS, RANK, learned, unseen
from cadence.lod.units import Source, Unit, parse
from cadence.rooms.wire import View

SAID = [
    ("ada", "The pump failed at noon because its seal was worn out."),
    ("bob", "Lunch was soup with bread and cheese."),
    ("cleo", "We ordered a new seal from the supplier in Ghent."),
    ("bob", "Yes."),
]


def units() -> tuple[Unit, ...]:
    return tuple(
        one for seq, (who, text) in enumerate(SAID, 1) for one in parse(Source(seq, who, 3.0 * seq, text)).units
    )


MEETING = Meeting(
    name="1",
    domain="",
    units=units(),
    general=(Question("What?", "The pump failed."),),
    specific=(Question("Why?", "A worn seal.", ((0, 0),)), Question("What next?", "A new seal from Ghent.", ((2, 2),))),
    topics=(((0, 0),), ((1, 2),)),
)


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("budget", [1, 8, 20, 100])
def test_no_baseline_overdraws_or_takes_a_unit_twice(name: str, budget: int) -> None:
    chosen = BASELINES[name](MEETING.units, None, budget)
    assert len(chosen) == len(set(chosen))
    assert sum(MEETING.units[i].n for i in chosen) <= budget


def test_the_oracle_takes_what_the_answer_says() -> None:
    assert oracle("A new seal was ordered in Ghent.", MEETING.units, 10) == [2]


def test_topics_and_answers_are_shares_of_what_there_is() -> None:
    first = [MEETING.units[0]]
    assert topics(MEETING, first) == 0.5
    assert recall(MEETING, first) == pytest.approx((2 / 2 + 1 / 3) / 2)  # worn, seal; of new, seal, ghent one
    assert recall(MEETING, []) == topics(MEETING, []) == 0.0


def test_a_score_reads_units_in_the_order_they_were_said() -> None:
    forwards, backwards = (score(MEETING, "The pump failed.", MEETING.units[::step]) for step in (1, -1))
    assert forwards == backwards


def test_an_interval_holds_the_mean_and_shrinks_with_more() -> None:
    few, many = mean([0.0, 1.0] * 5), mean([0.0, 1.0] * 500)
    assert few.low <= few.mean == many.mean == 0.5 <= few.high
    assert many.high - many.low < few.high - few.low
    assert mean([2.0] * 9) == mean([2.0] * 9) and mean([2.0] * 9).low == 2.0
    assert difference([3.0, 5.0], [1.0, 3.0]).low == 2.0


def test_the_richest_units_keep_their_vectors() -> None:
    vectors = np.eye(4, dtype=np.float32)
    rich = np.array([1, 4, 3, 2])
    half = richest(vectors, rich, 0.5)
    assert half is not None and half.any(axis=1).tolist() == [False, True, True, False]
    assert richest(vectors, rich, 0.0) is None


def test_a_mediated_line_reaches_a_turn_with_its_author() -> None:
    room = Mediated(View(), readers=2)
    room.say(Line("ada", 1.0, SAID[0][1]))
    turns = list(room.wait(20.0))
    assert [turn.segments[0].speakers for turn in turns] == [("ada",)] * 2


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    for read in (lambda: meetings(tmp_path, "val"), lambda: arguments(tmp_path), lambda: channels(tmp_path)):
        with pytest.raises(Absent, match="expected"):
            read()
    assert not Encodings(tmp_path).available
    assert Encodings(tmp_path).of(["a text"]) is None


def test_a_report_is_json() -> None:
    table = Table("numbers", ("x",))
    table.add("row", x=mean([1.0, 1.0]))
    found = Found([table], [Criterion("what", "1", "2", "1", True)], ["a note"])
    assert json.loads(json.dumps(as_json({"one": found})))["one"]["tables"][0]["rows"] == [
        {"name": "row", "x": {"mean": 1.0, "low": 1.0, "high": 1.0}}
    ]


def test_the_directions_of_a_dispute_are_found_in_other_disputes() -> None:
    random = np.random.default_rng(1)
    topics = {}
    for number in range(RANK + FOLDS):
        sides = np.where(np.arange(60) % 2, 1, -1)
        rows = random.normal(size=(60, 24)) + 3 * np.eye(24)[number % 24] + 2 * sides[:, None] * np.eye(24)[0]
        topics[str(number)] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), sides
    strongest = learned(list(topics.values()))[:, -1]
    assert abs(strongest[0]) > 0.9 * np.linalg.norm(strongest)
    assert unseen(topics).keys() == topics.keys()
    assert unseen(topics)["0"] is not unseen(topics)["1"]
