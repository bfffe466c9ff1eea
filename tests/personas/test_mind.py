"""The mind, event by event, and several minds in one room from a seed, with checkers."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

import pytest

from cadence.lod.repeats import ShownMemory
from cadence.lod.units import Source, parse
from cadence.models.chat import Call, ToolCall
from cadence.personas.chronicle import Chronicle, freshness
from cadence.personas.mind import INTERRUPTS_MAX, THOUGHT_SECONDS_MAX, TOOL_ROUNDS_MAX, Mind
from cadence.personas.passages import Passages
from cadence.personas.play import Connected, Lost, Refused, Said, Speak, Tick
from cadence.personas.thoughts import (
    Abandon,
    Action,
    Answered,
    Complain,
    Erased,
    Event,
    Failed,
    Heard,
    Memory,
    Passed,
    Present,
    Recovered,
    Think,
    Use,
    Used,
)
from cadence.personas.tools import ToolResult
from cadence.rooms.wire import Author, Message, to_iso
from tests.personas.chamber import EPOCH, Chamber, Model, card

ANSWER = "Eleven minutes, by the log of the desk."
NAMES = {"vera": "Vera", "dov": "Dov", "pip": "Pip"}


class One:
    """One mind, told events by hand."""

    def __init__(self, memory: Memory | None = None, **manner: object) -> None:
        self.chronicle = Chronicle("hall", "e")
        manner = {"silence_s": 0.0, **manner}
        self.mind = Mind(card("vera", **manner), self.chronicle, Passages(), 8_000, "run", memory or Memory())
        self.tell(Present(NAMES, frozenset({"vera", "dov"})))
        self.tell(Connected("vera", 0))

    def tell(self, event: Event, now: float = 0.0) -> list[Action]:
        return self.mind.handle(event, now)

    def hear(
        self, speaker: str, text: str, now: float = 0.0, *, id: str = "", reply_to: int | None = None
    ) -> list[Action]:
        kind = "human" if speaker == "pip" else "agent"
        mentions = ("vera",) if "@Vera" in text else ()
        seq = self.chronicle.last + 1
        more = {} if reply_to is None else {"reply_to": reply_to}
        author = Author(speaker, NAMES[speaker], kind)  # type: ignore[arg-type]
        heard = self.chronicle.hear(
            Message("hall", "e", seq, id or f"m{seq}", author, to_iso(EPOCH), text, mentions=mentions, **more)
        )
        assert heard is not None
        return self.tell(Heard(heard), now)


def only(actions: list[Action], kind: type) -> Action:
    assert [type(action) for action in actions] == [kind], actions
    return actions[0]


def test_asked_thinks_speaks_and_is_done_when_the_room_has_it() -> None:
    one = One()
    think = only(one.hear("pip", "@Vera how long may a desk be without its calendar?"), Think)
    assert isinstance(think, Think)
    assert think.call.account.room == "hall" and think.call.account.persona == "vera"
    assert one.mind.memory == Memory(0, None), "while it thinks, nothing is settled"
    speak = only(one.tell(Answered(think.thought, ANSWER)), Speak)
    assert speak == Speak("vera", "run-1", ANSWER, reply_to=1)
    assert one.mind.memory == Memory(1, speak), "before it is sent it is kept"
    assert one.tell(Said("run-1", 2)) == []
    assert one.mind.memory == Memory(1, None)
    assert one.mind.counts.said == 1


def test_a_pass_settles_without_a_word() -> None:
    one = One()
    think = only(one.hear("dov", "The oven is ten degrees too hot."), Think)
    assert isinstance(think, Think)
    assert one.tell(Answered(think.thought, "PASS")) == [Passed("nothing")]
    assert one.mind.memory == Memory(1, None) and one.mind.deadline() is None


def test_outside_the_room_it_does_not_think_and_says_later_what_it_decided() -> None:
    one = One()
    think = only(one.hear("pip", "@Vera how long?"), Think)
    assert isinstance(think, Think)
    one.tell(Lost("vera"))
    assert one.tell(Answered(think.thought, ANSWER)) == []
    assert one.mind.deadline() is None
    speak = only(one.tell(Connected("vera", 1)), Speak)
    assert isinstance(speak, Speak) and speak.id == "run-1"
    one.tell(Lost("vera"))
    assert only(one.tell(Connected("vera", 1)), Speak) == speak, "the same id: the room takes it once"


def test_hearing_itself_is_as_good_as_an_acknowledgement() -> None:
    one = One()
    think = only(one.hear("pip", "@Vera how long?"), Think)
    assert isinstance(think, Think)
    one.tell(Answered(think.thought, ANSWER))
    one.hear("vera", ANSWER, id="run-1", reply_to=1)
    assert one.mind.memory == Memory(2, None) and one.mind.counts.said == 1
    assert one.tell(Said("run-1", 2)) == [] and one.mind.counts.said == 1


def test_it_thinks_on_and_holds_a_second_message_until_the_first_is_there() -> None:
    one = One()
    think = only(one.hear("pip", "@Vera how long?"), Think)
    assert isinstance(think, Think)
    one.tell(Answered(think.thought, ANSWER))
    again = only(one.hear("pip", "@Vera and in winter?"), Think)
    assert isinstance(again, Think)
    assert one.tell(Answered(again.thought, "Nineteen in snow, says the depot.")) == []
    assert one.mind.memory.settled == 1, "what is held is not settled"
    second = only(one.tell(Said("run-1", 3)), Speak)
    assert isinstance(second, Speak) and (second.id, second.reply_to) == ("run-2", 2)
    assert one.mind.memory == Memory(2, second)


def test_a_message_that_is_not_acknowledged_is_said_again() -> None:
    one = One()
    think = only(one.hear("pip", "@Vera how long?"), Think)
    assert isinstance(think, Think)
    speak = only(one.tell(Answered(think.thought, ANSWER)), Speak)
    assert one.tell(Refused("run-1", "rate_limited", retry_after_s=2.0), 10.0) == []
    assert one.mind.deadline() == 12.0
    assert one.tell(Tick(), 12.0) == [speak]
    assert one.tell(Tick(), one.mind.deadline() or 0.0) == [speak], "silence is like a refusal"


def test_a_refusal_for_good_is_told_and_the_mind_goes_on() -> None:
    one = One()
    think = only(one.hear("pip", "@Vera how long?"), Think)
    assert isinstance(think, Think)
    one.tell(Answered(think.thought, ANSWER))
    told = only(one.tell(Refused("run-1", "forbidden", "muted by a host")), Complain)
    assert isinstance(told, Complain) and "muted by a host" in told.text
    assert only(one.hear("pip", "@Vera and now?"), Think)


def test_what_it_answers_may_be_gone() -> None:
    one = One()
    think = only(one.hear("pip", "@Vera how long?"), Think)
    assert isinstance(think, Think)
    one.tell(Answered(think.thought, ANSWER))
    again = only(one.tell(Refused("run-1", "not_found")), Speak)
    assert isinstance(again, Speak) and again.reply_to is None


def test_a_person_interrupts_a_thought_about_something_else() -> None:
    one = One()
    first = only(one.hear("dov", "@Vera the oven is ten degrees too hot."), Think)
    assert isinstance(first, Think)
    abandon, second = one.hear("pip", "@Vera how long may a desk be without its calendar?")
    assert abandon == Abandon(first.thought) and isinstance(second, Think)
    assert "Pip, a person, speaks to you" in second.call.messages[-1].text
    assert one.tell(Answered(first.thought, "Late.")) == [], "what was given up does not count any more"
    said, third = one.tell(Answered(second.thought, ANSWER))
    assert isinstance(said, Speak) and isinstance(third, Think), "it does not wait for the room to have it"
    assert third.call.messages[-2].text == ANSWER and "Dov speaks to you in #1" in third.call.messages[-1].text


def test_a_person_does_not_interrupt_the_answer_to_a_person() -> None:
    one = One()
    only(one.hear("pip", "@Vera how long may a desk be without its calendar?"), Think)
    assert one.hear("pip", "@Vera please?") == []


def test_somebody_who_interrupts_without_end_gets_a_thought_finished() -> None:
    one = One()
    one.hear("dov", "@Vera the oven of the bakery is ten degrees too hot.")
    for number in range(INTERRUPTS_MAX):
        abandon, think = one.hear("pip", f"@Vera stop number {number}!")
        assert isinstance(abandon, Abandon) and isinstance(think, Think)
        one.tell(Erased(one.chronicle.last))  # the person takes it back; what Dov said is thought about again
        assert isinstance(only(one.tell(Failed(think.thought, "too_long", False, "")), Think), Think)
    assert one.hear("pip", "@Vera stop at last!") == []


def test_a_model_that_fails_is_left_alone_ever_longer_and_complained_about_once() -> None:
    one = One()
    now = 0.0
    actions = one.hear("pip", "@Vera how long?")
    waits = []
    for number in range(8):
        think = actions[-1]
        assert isinstance(think, Think)
        told = one.tell(Failed(think.thought, "unreachable", True, "nobody answers there"), now)
        assert told == ([Complain("nobody answers there")] if number == 0 else [])
        deadline = one.mind.deadline()
        assert deadline is not None
        waits.append(deadline - now)
        now = deadline
        actions = one.tell(Tick(), now)
    assert waits[0] < 2.0 and 30.0 <= waits[-1] <= 90.0
    think = actions[-1]
    assert isinstance(think, Think)
    recovered, speak = one.tell(Answered(think.thought, ANSWER), now)
    assert recovered == Recovered() and isinstance(speak, Speak) and speak.reply_to == 1


def test_a_wrong_key_is_tried_again_only_now_and_then() -> None:
    one = One()
    think = only(one.hear("pip", "@Vera how long?"), Think)
    assert isinstance(think, Think)
    one.tell(Failed(think.thought, "forbidden", False, "wrong key"))
    assert (one.mind.deadline() or 0.0) >= 30.0


def test_a_prompt_that_is_too_long_is_shortened_at_once() -> None:
    one = One()
    think = only(one.hear("pip", "@Vera how long?"), Think)
    assert isinstance(think, Think)
    assert only(one.tell(Failed(think.thought, "too_long", False, "at most 2000 tokens")), Think)


def test_a_model_that_hangs_is_given_up() -> None:
    one = One()
    think = only(one.hear("pip", "@Vera how long?", 5.0), Think)
    assert isinstance(think, Think) and one.mind.deadline() == 5.0 + THOUGHT_SECONDS_MAX
    abandon, told = one.tell(Tick(), 5.0 + THOUGHT_SECONDS_MAX)
    assert abandon == Abandon(think.thought) and isinstance(told, Complain)
    assert one.mind.memory.settled == 0


def test_tools_run_and_their_results_become_parts_of_what_is_said() -> None:
    one = One(tools=("calculate",))
    think = only(one.hear("pip", "@Vera six times seven?"), Think)
    assert isinstance(think, Think) and [tool.name for tool in think.call.tools] == ["calculate"]
    call = ToolCall("c1", "calculate", '{"expression": "6*7"}')
    use = only(one.tell(Answered(think.thought, "", (call,))), Use)
    assert isinstance(use, Use)
    again = only(one.tell(Used(use.thought, (ToolResult(call, "42"),))), Think)
    assert isinstance(again, Think) and again.call.messages[-1].text == "42"
    speak = only(one.tell(Answered(again.thought, "It is 42.")), Speak)
    assert isinstance(speak, Speak)
    assert [(part.kind, part.name, part.body) for part in speak.parts] == [
        ("tool", "calculate", '{"call": {"expression": "6*7"}, "result": "42"}')
    ]


def test_a_model_that_only_wants_tools_is_asked_for_words_in_the_end() -> None:
    one = One(tools=("calculate",))
    call = ToolCall("c1", "calculate", '{"expression": "6*7"}')
    actions = one.hear("pip", "@Vera six times seven?")
    for _ in range(TOOL_ROUNDS_MAX):
        think = only(actions, Think)
        assert isinstance(think, Think) and think.call.tools
        use = only(one.tell(Answered(think.thought, "", (call,))), Use)
        assert isinstance(use, Use)
        actions = one.tell(Used(use.thought, (ToolResult(call, "42"),)))
    last = only(actions, Think)
    assert isinstance(last, Think) and last.call.tools == ()
    assert one.tell(Answered(last.thought, "", (call,))) == [Passed("nothing")]


def test_a_mind_begins_where_an_earlier_life_ended() -> None:
    pending = Speak("vera", "old-7", ANSWER, reply_to=1)
    one = One(Memory(2, pending))
    assert one.mind.handle(Connected("vera", 3), 0.0) == [pending]
    assert one.hear("pip", "@Vera the first?") == []
    assert one.hear("pip", "@Vera the second?") == []
    assert one.tell(Said("old-7", 4)) == [], "both were settled in the earlier life"
    assert only(one.hear("pip", "@Vera the third?"), Think)


# Several minds, from a seed.

WORDS = (
    "harbour bridge engine candle orchard violin marble copper silver winter meadow falcon granite lantern compass"
    " anchor barrel cipher dynamo ember fabric glacier hinge ivory jungle kettle ladder magnet nectar oyster pillar"
    " quartz ribbon saddle timber umbrella valley walnut zephyr"
).split()


def inventive(seed: int) -> Callable[[Call], str]:
    random = Random(seed)
    return lambda call: " ".join(f"{random.choice(WORDS)}{random.randrange(99)}" for _ in range(9)) + "."


def passing(call: Call) -> str:
    return "PASS"


def flattering(call: Call) -> str:
    return "Great point! I totally agree, thank you, well said."


def echoing(call: Call) -> str:
    lines = re.findall(r"^#\d+ (?:\(to #\d+\) )?[^:\n]+: (.*)$", call.messages[-1].text, re.MULTILINE)
    return lines[-1] if lines else "PASS"


def courting(name: str) -> Callable[[Call], str]:
    """Always turns to the same one, always in other words."""
    words = inventive(len(name))
    return lambda call: f"@{name} {words(call)}"


def unreliable(
    seed: int, inner: Callable[[Call], str], until: Callable[[], bool]
) -> Callable[[Call], str | Failed | None]:
    random = Random(seed)

    def answer(call: Call) -> str | Failed | None:
        if until():
            return inner(call)
        return random.choice(
            [None, Failed(0, "unreachable", True, "gone"), Failed(0, "invalid", False, "rubbish"), "", "{"]
        )

    return answer


def assert_no_storm(chamber: Chamber) -> None:
    """No mind says again what was said among the last 96 units, except to a person who asked it."""
    recent = ShownMemory()
    for one in chamber.log:
        units = parse(Source(one.seq, one.from_.id, 0.0, one.text)).units
        asked = one.reply_to and chamber.log[int(one.reply_to) - 1].from_.kind == "human"  # type: ignore[arg-type]
        if one.from_.kind == "agent" and not asked:
            assert freshness(units, recent) > 0.3, one
        for unit in units:
            recent.add((one.seq,), unit.terms)


@pytest.mark.parametrize("seed", range(6))
def test_flatterers_and_echoes_fall_silent_by_themselves(seed: int) -> None:
    chamber = Chamber({"ada": flattering, "bo": echoing, "cy": flattering, "di": echoing}, seed)
    chamber.at(1.0, lambda: chamber.person("How long may a desk be without its calendar in a winter storm?"))
    chamber.run(3_600.0)
    assert len(chamber.log) == 1
    assert sum(map(len, chamber.calls.values())) < 60, "and they do not think for ever about nothing"
    assert {why for id in chamber.models for why in chamber.passed(id)} <= {"echo", "flattery", "nothing"}


@pytest.mark.parametrize("seed", range(6))
def test_two_who_court_each_other_do_not_do_so_for_ever(seed: int) -> None:
    models: dict[str, Model] = {"ada": courting("Bo"), "bo": courting("Ada"), "cy": passing, "di": passing}
    chamber = Chamber(models, seed, manners=dict.fromkeys(models, {"silence_s": 0.0}))
    chamber.at(1.0, lambda: chamber.person("@Ada say something to Bo."))
    chamber.run(600.0)
    assert 10 <= len(chamber.log) <= 80
    assert chamber.times[-1] < 200.0


@pytest.mark.parametrize("seed", range(3))
def test_minds_with_something_to_say_talk_at_their_own_speed(seed: int) -> None:
    chamber = Chamber({id: inventive(seed * 10 + n) for n, id in enumerate(["ada", "bo", "cy"])}, seed)
    chamber.at(1.0, lambda: chamber.person("What lies in the harbour?"))
    chamber.run(41.0)
    assert len(chamber.log) > 40, "more than one message a second from three minds that think for half a second each"
    shares = [len(chamber.said_by(id)) / len(chamber.log) for id in chamber.models]
    assert min(shares) > 0.2, "nobody holds the floor alone"
    assert_no_storm(chamber)


@pytest.mark.parametrize("seed", range(4))
def test_people_are_answered_in_the_middle_of_it_all(seed: int) -> None:
    models = {
        "ada": inventive(seed),
        "bo": inventive(seed + 50),
        "cy": flattering,
        "di": echoing,
        "eve": courting("Ada"),
    }
    chamber = Chamber(models, seed)
    asked: list[tuple[int, str, float]] = []

    def ask(name: str) -> None:
        asked.append((chamber.person(f"@{name} where is ledger {len(asked)}?"), name.lower(), chamber.now))

    for n, name in enumerate(["Ada", "Bo", "Ada", "Cy", "Di", "Eve", "Bo"]):
        chamber.at(10.0 + 7.0 * n, lambda name=name: ask(name))  # type: ignore[misc]
    chamber.run(120.0)
    for seq, who, at in asked:
        answers = [(one, when) for one, when in zip(chamber.log, chamber.times, strict=True) if one.reply_to == seq]
        mine = [when for one, when in answers if one.from_.id == who]
        assert mine, f"seed {seed}: {who} did not answer #{seq}"
        assert mine[0] - at <= 2.5, "at most the thought under way, if it is for a person, and one of its own"


@pytest.mark.parametrize("seed", range(4))
def test_a_question_to_nobody_is_answered_by_a_few_and_not_by_all(seed: int) -> None:
    names = [f"m{n:02d}" for n in range(24)]
    chamber = Chamber({id: inventive(n) for n, id in enumerate(names)}, seed, think_s=(0.5, 0.6))
    chamber.at(1.0, lambda: chamber.person("What lies in the harbour?"))
    chamber.run(4.0)
    assert 1 <= len([one for one in chamber.log if one.reply_to == 1]) <= 4


@pytest.mark.parametrize("seed", range(3))
def test_when_the_models_recover_so_do_the_minds(seed: int) -> None:
    healthy = False

    def fine() -> bool:
        return healthy

    models = {id: unreliable(seed + n, inventive(n), fine) for n, id in enumerate(["ada", "bo", "cy"])}
    chamber = Chamber(models, seed, think_s=(4.0, 8.0))
    chamber.at(1.0, lambda: chamber.person("@Ada what lies in the harbour?"))
    chamber.run(900.0)
    broken = len(chamber.log)
    healthy = True
    chamber.run(1_800.0)
    assert len(chamber.log) > broken
    assert any(one.from_.id == "ada" and one.reply_to == 1 for one in chamber.log) or chamber.passed("ada")
    ask = chamber.person("@Bo and now?")
    chamber.run(1_830.0)
    assert [one.from_.id for one in chamber.log if one.reply_to == ask] == ["bo"]


@pytest.mark.parametrize("seed", range(4))
def test_restarts_at_any_moment_lose_no_question_and_say_nothing_twice(seed: int) -> None:
    random = Random(seed)
    chamber = Chamber({"ada": inventive(seed), "bo": inventive(seed + 9)}, seed)
    asked: list[int] = []
    for n in range(8):
        chamber.at(5.0 + 10.0 * n, lambda: asked.append(chamber.person("@Ada what lies in the harbour?")))
        chamber.at(5.0 + 10.0 * n + random.uniform(0.0, 1.2), lambda: restart(chamber, "ada"))
    chamber.run(120.0)
    for seq in asked:
        assert [one.from_.id for one in chamber.log if one.reply_to == seq].count("ada") == 1


def restart(chamber: Chamber, id: str) -> None:
    """A life ends without a word; the next one hears the tail again, as from the log."""
    memory = chamber.minds[id].memory
    chamber.enter(id, memory)
    for heard in chamber.chronicle.since(1):
        chamber.tell(id, Heard(heard))
