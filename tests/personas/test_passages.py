from __future__ import annotations

from cadence.lod.nodes import Node
from cadence.personas.chronicle import Chronicle
from cadence.personas.passages import Passages
from cadence.rooms.wire import Message
from tests.personas.test_chronicle import message

LOG = [
    message(seq, f"On day {seq} the harbour master counted {seq} boats of oak. The wind came from the north at noon.")
    for seq in range(1, 121)
]


def nodes_of(log: list[Message]) -> list[Node]:
    chronicle = Chronicle("hall", "e")
    for one in log:
        chronicle.hear(one)
    chronicle.pyramid.settle()
    found = chronicle.nodes(len(log), 8)
    assert found is not None
    return found


def answered(passages: Passages, nodes: list[Node], words: int = 16) -> list[str]:
    """Rendered, with the log at hand."""
    found = passages.render(nodes, words)
    while found is None:
        wanted = passages.wanted
        passages.learn([LOG[seq - 1] for seq in wanted], wanted)
        found = passages.render(nodes, words)
    return found


def test_texts_are_asked_for_once_and_then_shown_as_they_were_said() -> None:
    passages, nodes = Passages(), nodes_of(LOG)
    assert passages.render(nodes, 16) is None
    wanted = passages.wanted
    assert 0 < len(wanted) <= 2 * len(nodes)
    found = answered(passages, nodes)
    assert len(found) == len(nodes) and passages.wanted == []
    assert found[0].startswith("[2025-06-15T15:06, #1 to #")
    body = "\n".join(found)
    quoted = [line.removeprefix("Dov: ") for line in body.splitlines() if line.startswith("Dov: ")]
    assert quoted and all(any(line in " ".join(one.text.split()) for one in LOG) for line in quoted)


def test_the_same_node_gives_the_same_text_while_more_is_said() -> None:
    passages = Passages()
    early = answered(passages, nodes_of(LOG[:100]))
    late = answered(passages, nodes_of(LOG[:103]))
    assert early[:3] == late[:3]
    assert passages.render(nodes_of(LOG[:100]), 16) == early


def test_more_words_say_more() -> None:
    passages, nodes = Passages(), nodes_of(LOG)
    few, many = answered(passages, nodes, 8), answered(passages, nodes, 64)
    assert len("".join(many)) > 1.5 * len("".join(few))


def test_what_was_taken_back_is_rendered_no_more() -> None:
    passages, nodes = Passages(), nodes_of(LOG)
    shown = answered(passages, nodes, 64)
    seq = int("".join(shown).split("On day ")[1].split()[0])
    passages.redact(seq)
    assert passages.render(nodes, 64) is None and seq in passages.wanted
    passages.learn([LOG[seq - 1].erased()], passages.wanted)
    again = passages.render(nodes, 64)
    assert again is not None and f"On day {seq} " not in "\n".join(again)


def test_what_the_log_does_not_have_is_left_out() -> None:
    passages, nodes = Passages(), nodes_of(LOG)
    passages.render(nodes, 16)
    passages.learn([], passages.wanted)
    assert passages.render(nodes, 16) == [] and passages.wanted == []
