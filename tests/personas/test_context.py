from __future__ import annotations

from itertools import takewhile

import pytest

from cadence.models.chat import ChatMessage
from cadence.personas.chronicle import Chronicle
from cadence.personas.context import PROMPT_TOKENS_MAX, RULES, SCALE_MIN, Context, WindowTooSmall, system_text
from cadence.personas.passages import Passages
from tests.personas.chamber import card
from tests.personas.test_chronicle import message

CUE = "(Say something if you have something to add, or PASS.)"


class Talk:
    """A chronicle, its passages and the log they come from."""

    def __init__(self) -> None:
        self.chronicle, self.passages = Chronicle("hall", "e"), Passages()
        self.log = [message(0)]

    def say(self, text: str, name: str = "Dov") -> None:
        self.log.append(message(len(self.log), text, name=name, kind="human" if name == "Pip" else "agent"))
        self.chronicle.hear(self.log[-1])
        while self.chronicle.pyramid.carry():
            pass

    def on(self, days: int, name: str = "Dov") -> None:
        for _ in range(days):
            day = len(self.log)
            self.say(f"On day {day} the harbour master counted {day} boats of oak and {day + 3} of elm.", name)

    def fetch(self) -> None:
        wanted = self.passages.wanted
        self.passages.learn([self.log[seq] for seq in wanted], wanted)


def text(prompt: tuple[ChatMessage, ...]) -> str:
    return "".join(f"<{one.role}>{one.text}" for one in prompt)


def shared(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def test_who_it_is_then_the_conversation_then_the_cue() -> None:
    talk = Talk()
    talk.say("The oven is too hot.", "Pip")
    talk.say("I measured it twice.", "Vera")
    talk.say("Twice with the same thermometer?", "Bao")
    prompt = Context(card("vera"), 8_000, talk.passages).compose(talk.chronicle, CUE)
    assert prompt == (
        ChatMessage("system", f"You are somebody.\n\nYou are Vera (they/them).\n\n{RULES}"),
        ChatMessage("user", "The conversation:\n#1 Pip (a person): The oven is too hot."),
        ChatMessage("assistant", "I measured it twice."),
        ChatMessage("user", f"#3 Bao: Twice with the same thermometer?\n\n{CUE}"),
    )


def test_own_words_one_after_the_other_are_one_message_and_the_cue_comes_last() -> None:
    talk = Talk()
    talk.say("One.", "Vera")
    talk.say("Two.", "Vera")
    roles = [one.role for one in Context(card("vera"), 8_000, talk.passages).compose(talk.chronicle, CUE)]
    assert roles == ["system", "user", "assistant", "user"]


def test_what_it_has_just_said_is_there_before_the_room_has_it() -> None:
    talk = Talk()
    talk.say("One.", "Dov")
    context = Context(card("vera"), 8_000, talk.passages)
    assert [one.text for one in context.compose(talk.chronicle, CUE, "Two.")[2:]] == ["Two.", f"\n{CUE}"]
    talk.say("Three.", "Vera")
    assert [one.text for one in context.compose(talk.chronicle, CUE, "Four.")[2:]] == ["Three.\n\nFour.", f"\n{CUE}"]


def test_the_rules_say_nothing_of_how_anybody_reads() -> None:
    told = system_text(card("vera")).casefold()
    assert not [word for word in ("alex", "mediat", "cadence", "paraphras", "reader", "pace") if word in told]


def test_a_call_only_adds_to_the_one_before() -> None:
    talk = Talk()
    talk.on(30)
    context = Context(card("vera"), 8_000, talk.passages)
    before = text(context.compose(talk.chronicle, CUE))
    talk.on(1)
    after = text(context.compose(talk.chronicle, CUE))
    assert shared(before, after) >= len(before) - len(CUE) - 2


def test_a_long_life_keeps_within_the_window_and_most_of_each_prompt_was_there_before() -> None:
    talk = Talk()
    context = Context(card("vera", answer_tokens=300), 4_000, talk.passages)
    before, same, whole = "", 0, 0
    for _ in range(150):
        talk.on(4)
        prompt = text(context.compose(talk.chronicle, CUE))
        talk.fetch()
        assert len(prompt) / 4 < 4_000 * 0.9 - 300
        same, whole, before = same + shared(before, prompt), whole + len(prompt), prompt
    assert same / whole >= 0.6
    assert "What was said here before, shortened:" in before
    assert "#600 Dov: On day 600" in before and ", #1 to #" in before


def test_a_large_window_is_not_used_up() -> None:
    talk = Talk()
    for _ in range(60):
        talk.say("boats " * 600)
    prompt = text(Context(card("vera"), 200_000, talk.passages).compose(talk.chronicle, CUE))
    assert len(prompt) / 4 <= PROMPT_TOKENS_MAX


def test_one_huge_message_is_shown_shortened_and_alone() -> None:
    talk = Talk()
    talk.on(10)
    talk.say("x" * 60_000)
    prompt = text(Context(card("vera", answer_tokens=100), 1_600, talk.passages).compose(talk.chronicle, CUE))
    assert "[...]" in prompt and "#10 Dov" not in prompt


def test_an_endpoint_that_counts_more_gets_less_until_it_is_no_use() -> None:
    talk = Talk()
    talk.on(100)
    context = Context(card("vera"), 8_000, talk.passages)
    sizes = [len(text(context.compose(talk.chronicle, CUE)))]
    while context.too_long():
        sizes.append(len(text(context.compose(talk.chronicle, CUE))))
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] < sizes[0] / 3
    assert 3 <= len(sizes) <= 8 and SCALE_MIN > 0


def test_a_card_too_long_for_its_model_is_refused_with_what_to_do() -> None:
    long = card("vera", prompt="You are somebody. " * 1_000)
    with pytest.raises(WindowTooSmall, match="of 4000 tokens: shorten the prompt, lower answer_tokens or choose"):
        Context(long, 4_000, Passages())


def test_texts_that_do_not_come_leave_the_tail_bounded() -> None:
    talk = Talk()
    context = Context(card("vera", answer_tokens=300), 4_000, talk.passages)
    for _ in range(100):
        talk.on(4)
        prompt = text(context.compose(talk.chronicle, CUE))
        assert len(prompt) / 4 < 4_000 * 0.9 - 300
    assert "What was said here before" not in prompt
