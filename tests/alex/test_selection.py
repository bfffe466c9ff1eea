from __future__ import annotations

import numpy as np

from cadence.alex.contest import alone
from cadence.alex.disputes import agreements, disputes
from cadence.alex.memory import ReaderMemory
from cadence.alex.selection import Choice, Selection, attend
from cadence.alex.transcript import Entry, Transcript
from cadence.alex.waiting import Candidate, Lineup, Waiting
from cadence.lod.leanings import Argument
from cadence.lod.terms import Background
from cadence.rooms.wire import Focus, View
from tests.alex.talk import entry, line, message


def candidate(seq: int, text: str, speaker: str = "vera", *, urgent: bool = False, pod: str | None = None) -> Candidate:
    said = entry(seq, text, speaker, **({"pod": pod} if pod else {}))
    return Candidate(said, said.parsed.units[0], urgent)


def weights(candidates: list[Candidate], near: set[str] | None = None, **view: object) -> list[float]:
    ages = np.zeros(len(candidates))
    return attend(Lineup(candidates), ages, View(**view), near or set(), Background()).tolist()  # type: ignore[arg-type]


def test_a_near_speaker_weighs_as_the_law_says_at_each_sigma() -> None:
    two = [candidate(1, "one thing", "vera"), candidate(2, "other thing", "otto")]
    for sigma, ratio in ((0.5, 7.4), (1.0, 1.65), (2.0, 1.13)):
        near, far = weights(two, {"vera"}, sigma=sigma)
        assert round(near / far, 2 if ratio < 2 else 1) == ratio


def test_another_pod_is_one_step_further() -> None:
    here, there = weights([candidate(1, "one", pod="east"), candidate(2, "two", pod="west")], focus=Focus(pod="east"))
    assert here == 1.0
    assert there < 0.7


def test_what_its_message_has_passed_weighs_half() -> None:
    said = entry(1, "The pump of the old tower failed at noon on Tuesday. It had run dry since nine in the morning.")
    first, second = (
        Candidate(said, unit, False, passed) for unit, passed in zip(said.parsed.units, (True, False), strict=True)
    )
    passed, next_one = weights([first, second])
    assert passed == next_one / 2


def test_a_long_message_is_told_in_its_own_order() -> None:
    text = (
        "We met on Tuesday in the old tower of the waterworks. "
        "Gauge seven read zero, its bearing was blue, and its valve had been welded shut. "
        "Lunch came late that day, and nobody said much."
    )
    said = entry(1, text, "vera")
    units = [Candidate(said, unit, False) for unit in said.parsed.units]

    def first_told(ahead: float) -> str:
        selection = Selection(
            Lineup(units), np.ones(len(units)), 15.0, ReaderMemory(), Background(), {}, 0.0, ahead=ahead
        )
        return alone(selection.choose([], {})).picks[0].unit.text

    assert first_told(0.0).startswith("Lunch")
    assert first_told(60.0).startswith("We met")


def test_urgent_units_have_all_attention() -> None:
    assert weights([candidate(1, "one", "vera"), candidate(2, "two", "otto", urgent=True)], {"vera"}, sigma=0.3)[1] == 1


def select(candidates: list[Candidate], budget: float, *, sides: dict[str, str] | None = None) -> Choice:
    waiting = Waiting()
    for one in candidates:
        waiting.add(one.entry, 0.0, urgent=one.urgent)
    transcript = Transcript()
    memory = ReaderMemory()
    selection = Selection(Lineup(candidates), np.ones(len(candidates)), budget, memory, Background(), sides or {}, 0.0)
    return alone(selection.choose(disputes(list(waiting), memory, transcript, 0), agreements(waiting)))


def chosen(candidates: list[Candidate], budget: float) -> list[int]:
    return [pick.unit.seq for pick in select(candidates, budget).picks]


def test_urgent_units_come_first_and_the_last_may_overdraw() -> None:
    plain = candidate(1, "Plain words about the second replica.", "vera")
    urgent = [candidate(seq, "Reader, please say what you think of it.", "otto", urgent=True) for seq in (2, 3, 4)]
    assert chosen([plain, *urgent], 9.0) == [2, 3]  # 8 words each: the second overdraws and ends the turn


def test_what_does_not_fit_beside_urgent_text_is_left() -> None:
    plain = candidate(1, "Plain words about the second replica and its many faults.", "vera")
    assert chosen([plain, candidate(2, "Reader, what now?", "otto", urgent=True)], 6.0) == [2]


def test_an_otherwise_empty_turn_takes_one_unit_that_overdraws() -> None:
    texts = ("Plain words about the second replica.", "Other words about the third replica.")
    assert len(chosen([candidate(i + 1, text) for i, text in enumerate(texts)], 2.0)) == 1


CLAIM = "The second replica keeps every booking of the island."
OBJECTION = "No, it lost forty of them in January."


def answer(seq: int, text: str, to: Candidate, speaker: str = "otto") -> Candidate:
    said = Entry(message(seq, text, speaker), to.entry.message)
    return Candidate(said, said.parsed.units[0], False)


def test_an_objection_and_its_target_are_one_pair() -> None:
    claim = candidate(1, CLAIM)
    others = [candidate(seq, line(seq), "juno") for seq in range(3, 12)]
    choice = select([claim, answer(2, OBJECTION, claim), *others], 20.0)
    assert [(pick.unit.seq, pick.objects_to) for pick in choice.picks[:2]] == [(1, None), (2, 1)]


def test_a_target_is_never_shown_without_its_objection() -> None:
    claim = candidate(1, CLAIM)
    long = answer(2, f"No. {line(1)} {line(2)}", claim)
    objection = Candidate(long.entry, long.entry.parsed.units[-1], False)
    for budget in range(1, 40):
        seqs = chosen([claim, objection], float(budget))
        assert 2 in seqs or 1 not in seqs


def test_urgent_text_that_is_objected_to_brings_its_objection() -> None:
    urgent = candidate(1, f"Reader, {CLAIM}", urgent=True)
    choice = select([urgent, answer(2, OBJECTION, urgent)], 5.0)
    assert [(pick.unit.seq, pick.objects_to) for pick in choice.picks] == [(1, None), (2, 1)]


def test_an_objection_to_an_objection_comes_along() -> None:
    claim = candidate(1, CLAIM)
    objection = answer(2, OBJECTION, claim)
    reply = answer(3, "That's wrong: it was four.", objection, "vera")
    picks = select([claim, objection, reply], 60.0).picks
    assert {(pick.unit.seq, pick.objects_to) for pick in picks} >= {(2, 1), (3, 2)}


def test_mere_agreement_is_counted_and_not_shown() -> None:
    claim = candidate(1, CLAIM)
    agreeing = [answer(seq, "+1", claim, who) for seq, who in ((2, "ada"), (3, "bob"), (4, "ada"))]
    choice = select([claim, *agreeing], 60.0)
    assert [(pick.unit.seq, pick.agree) for pick in choice.picks] == [(1, 2)]
    assert {unit.seq for unit in choice.counted} == {2, 3, 4}


def test_a_repeat_is_counted_beside_what_it_repeats() -> None:
    claim, again = candidate(1, CLAIM), candidate(2, "Every booking of the island keeps the second replica!", "juno")
    choice = select([claim, again], 60.0)
    assert [(pick.unit.seq, pick.again) for pick in choice.picks] == [(1, 1)]
    assert [unit.seq for unit in choice.counted] == [2]


def test_sides_steer_the_choice_and_are_noted() -> None:
    loud, quiet = candidate(1, line(1), "ada"), candidate(2, line(2), "bob")
    sides = {"ada": "side 0", "bob": "side 1"}
    memory = ReaderMemory()
    memory.speakers.add("side 0", 1.0, 0.0)
    selection = Selection(Lineup([loud, quiet]), np.ones(2), 13.0, memory, Background(), sides, 0.0)
    assert [pick.unit.seq for pick in alone(selection.choose([], {})).picks] == [2]
    assert memory.speakers.reward("side 1", 0.0) > 0


def test_a_near_vector_of_what_was_shown_is_a_repeat() -> None:
    first, second = candidate(1, line(1)), candidate(2, line(2), "juno")
    near = np.array([1.0, 0.0], dtype=np.float32)
    second.entry.vectors[0] = near
    memory = ReaderMemory()
    memory.units.add((9,), (), near)
    selection = Selection(Lineup([first, second]), np.ones(2), 60.0, memory, Background(), {}, 0.0)
    choice = alone(selection.choose([], {}))
    assert [pick.unit.seq for pick in choice.picks] == [1]
    assert [unit.seq for unit in choice.counted] == [2]


def test_a_unit_without_words_can_be_a_repeat_by_its_vector() -> None:
    smile = candidate(1, ":-)")
    near = np.array([1.0, 0.0], dtype=np.float32)
    smile.entry.vectors[0] = near
    memory = ReaderMemory()
    memory.units.add((9,), (), near)
    selection = Selection(Lineup([smile, candidate(2, line(2))]), np.ones(2), 60.0, memory, Background(), {}, 0.0)
    choice = alone(selection.choose([], {}))
    assert [pick.unit.seq for pick in choice.picks] == [2]
    assert [unit.seq for unit in choice.counted] == [1]


def test_in_an_argument_who_seems_opposed_is_heard() -> None:
    three = [candidate(1, f"{line(1)} {line(1)}", "ada"), candidate(2, line(2), "bob"), candidate(3, line(3), "eve")]
    ties = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, -0.9], [-0.9, -0.9, 1.0]])

    def shown(*speakers: str) -> list[str]:
        argument = Argument(1.0, {speaker: i for i, speaker in enumerate(speakers)}, ties)
        weights, memory = np.array([1.0, 0.6, 0.6]), ReaderMemory()
        selection = Selection(Lineup(three), weights, 40.0, memory, Background(), {}, 0.0, argument=argument)
        return [pick.entry.speaker for pick in alone(selection.choose([], {})).picks]

    assert shown("ada", "bob", "eve")[:2] == ["ada", "eve"]
    assert shown("ada", "eve", "bob")[:2] == ["ada", "bob"]


def test_what_is_left_of_a_target_waits_for_the_objection_it_cannot_come_without() -> None:
    """Law 9: the target was shown in part before, and the objection does not fit yet."""
    claim = "The lease was never renewed. The second replica answers old reads."
    objecting = f"I object: {line(7)}"
    target, answer = Entry(message(1, claim), None), Entry(message(2, objecting, "otto", reply_to=1), message(1, claim))
    memory, waiting = ReaderMemory(), Waiting()
    for one in (target, answer):
        waiting.add(one, 0.0, urgent=False)
    memory.show(target.parsed.units[0], 0.1, None, 0.0)
    waiting.shown([target.parsed.units[0]])
    units = [Candidate(one.entry, unit, False) for one in waiting for unit in one.left]
    for budget, seqs in ((7.0, []), (15.0, [2])):
        selection = Selection(Lineup(units), np.ones(len(units)), budget, memory, Background(), {}, 0.0)
        choice = alone(selection.choose(disputes(list(waiting), memory, Transcript(), 0), {}))
        assert [pick.unit.seq for pick in choice.picks] == seqs


def test_a_crowd_becomes_its_first_voice_and_a_count() -> None:
    cheers = [candidate(seq, "Hooray!", f"fan{seq}") for seq in range(1, 13)]
    choice = select([*cheers, candidate(13, line(13))], 40.0)
    assert {(pick.unit.seq, pick.again) for pick in choice.picks} == {(1, 11), (13, 0)}
    assert [unit.seq for unit in choice.counted] == list(range(2, 13))
