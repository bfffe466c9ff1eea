from __future__ import annotations

import numpy as np

from cadence.lod.digest import SpeakerMemory
from cadence.lod.nodes import Said
from cadence.lod.reading import Choice, Interval
from tests.lod.conversation import START, TOPICS, built, line, said, talk


def chosen(interval: Interval, words: float, **more: object) -> list[Choice]:
    return interval.choose(np.ones(len(interval.kept)), words, SpeakerMemory(), START, **more)  # type: ignore[arg-type]


def on(topic: int, seqs: range, speaker: str = "vera") -> list[Said]:
    return [said(n, line(n, TOPICS[topic]), START + 4 * n, speaker) for n in seqs]


def test_a_choice_fits_its_words_and_names_no_unit_twice() -> None:
    interval = Interval(built(talk(400, 3.0)).read())
    for words in (0, 5, 20, 120, 400):
        found = chosen(interval, words)
        assert sum(one.kept.n for one in found) <= words
        assert len({(one.kept.seq, one.kept.index) for one in found}) == len(found)
    assert len(chosen(interval, 120)) > 5


def test_every_topic_of_the_past_is_told_of() -> None:
    heard = [*on(0, range(1, 200), "a"), *on(1, range(200, 400), "b"), *on(2, range(400, 600), "c")]
    text = {term for one in chosen(Interval(built(heard).read()), 60) for term in one.kept.terms}
    for topic in TOPICS[:3]:
        assert text & {word[:4] for word in topic.split()} or any(term[:4] in topic for term in text), topic


def test_only_what_lies_in_the_interval_is_shown_and_counted() -> None:
    heard = [*on(0, range(1, 300)), *on(1, range(300, 330))]
    interval = Interval(built(heard).read(299), 299)
    assert all(one.kept.seq >= 300 for one in chosen(interval, 200))
    assert not any(term.startswith("harb") for one in interval.kept for term in one.terms)


def test_one_speaker_can_be_read_alone_and_humans_left_out() -> None:
    nodes = built(talk(300, 3.0)).read()
    assert {one.kept.speaker for one in chosen(Interval(nodes, speakers={"b"}), 100)} == {"b"}
    assert any(kept.human for kept in Interval(nodes).kept)
    assert not any(kept.human for kept in Interval(nodes, humans=False).kept)


def test_what_is_refused_is_not_chosen() -> None:
    interval = Interval(built(talk(100, 3.0)).read())
    refused = np.array([kept.speaker == "a" for kept in interval.kept])
    assert "a" not in {one.kept.speaker for one in chosen(interval, 200, refused=refused)}


def test_attention_decides_between_equals() -> None:
    heard = [*on(0, range(1, 100)), *on(1, range(100, 200))]
    interval = Interval(built(heard).read())
    late = np.where(interval.at > START + 400, 1.0, 0.01)
    assert all(one.kept.seq >= 100 for one in interval.choose(late, 60, SpeakerMemory(), START))


def test_objections_are_found_by_what_they_object_to() -> None:
    heard = [*on(0, range(1, 30)), said(30, "No, that is wrong.", START + 200, "otto", about=12)]
    assert Interval(built(heard).read()).objections() == {12: [30]}


def test_nothing_comes_of_nothing() -> None:
    assert chosen(Interval([]), 100) == []
