"""A mind: an AI of the house that decides by itself when to think, when to speak and when to PASS.

It knows what every agent knows, the messages of its room and who is there, and nothing of how anybody reads them.

    state      what it waits for                        leaves by
    LISTENING  a reason to think (`Inbox.next`)         a reason, while in the room -> THINKING
    THINKING   the model's answer                       a message or PASS -> LISTENING; tools -> WORKING;
                                                        a person speaks to it -> THINKING of that;
                                                        no answer -> RESTING
    WORKING    the results of tools                     they come -> THINKING
    HOLDING    `Said` for the message before            Said, or a refusal for good -> LISTENING, with a message
    RESTING    the time after a model that failed       time -> LISTENING

A mind does not wait for the room to have its message: it thinks on, and holds back only a second message until then.

One thought at a time, at whatever speed its model has. What it was about is settled only when the thought has ended,
so a thought that is cut off, by a failure or a restart, is begun again. A message gets its id when it is decided on, is
part of the `memory` before it is sent, and is sent with that id until the room has it (protocol rule 3).

Pure: `now` is in seconds of any clock that never goes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from zlib import crc32

from cadence.models.chat import Account, Call, ChatMessage
from cadence.personas.cards import Card
from cadence.personas.chronicle import Chronicle, Utterance
from cadence.personas.context import Context
from cadence.personas.drafts import Draft, read_draft
from cadence.personas.inbox import Focus, Inbox
from cadence.personas.passages import Passages
from cadence.personas.play import ACK_SECONDS_MAX, PASSING, Connected, Lost, Refused, Said, Speak, Tick
from cadence.personas.restraint import Restraint
from cadence.personas.script import frame_bytes
from cadence.personas.thoughts import (
    Abandon,
    Action,
    Answered,
    Complain,
    Counts,
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
from cadence.personas.tools import TOOLS, ToolResult, part_of, read_call
from cadence.rooms.wire import FRAME_BYTES_MAX, PARTS_MAX, Part

THOUGHT_SECONDS_MAX = 600.0  # a model has its own limit; this one is for a model that breaks its promise
INTERRUPTS_MAX = 3  # thoughts in a row given up for a person; then one is finished
TOOL_ROUNDS_MAX = 4  # of one thought
TOOL_CALLS_MAX = 4  # of one round
REST_SECONDS_MIN, REST_SECONDS_MAX = 1.0, 60.0
REST_SECONDS_FINAL = 60.0  # after a failure that only a host can end: looked at again now and then
SAY_AGAIN_SECONDS_MIN, SAY_AGAIN_SECONDS_MAX = 0.05, 30.0
SAY_FAILURES_MAX = 12

CUES: Mapping[str, str] = {
    "asked": "({name}, a person, speaks to you in #{seq}. Answer them.)",
    "human": "({name}, a person, spoke in #{seq}. Say what you can add, or PASS.)",
    "addressed": "({name} speaks to you in #{seq}. Answer if there is something to answer, or PASS.)",
    "talk": "(Say something if you have something to add, or PASS.)",
    "silence": "(Nobody has spoken for a while. Begin something worth talking about, or PASS.)",
}


class _State(Enum):
    LISTENING = auto()
    THINKING = auto()
    WORKING = auto()
    HOLDING = auto()
    RESTING = auto()


@dataclass(slots=True)
class _Thought:
    """The one that is under way."""

    number: int
    focus: Focus
    messages: tuple[ChatMessage, ...]
    used: list[ToolResult] = field(default_factory=list)
    rounds: int = 0
    draft: Draft | None = None  # while it is held


class Mind:
    """See the module's text. `run_id` (1 to 32 characters) must be new for each start.

    `memory` is what an earlier life left. Raises `WindowTooSmall` if the card does not fit the model.
    """

    def __init__(
        self, card: Card, chronicle: Chronicle, passages: Passages, context_tokens: int, run_id: str, memory: Memory
    ) -> None:
        self.counts = Counts()
        self._card = card
        self._chronicle = chronicle
        self._context = Context(card, context_tokens, passages)
        self._inbox = Inbox(card.id, card.manner.interests, card.manner.silence_s)
        self._restraint = Restraint(card.id)
        self._run_id = run_id
        self._born = self._settled = memory.settled
        self._pending = memory.pending
        self._state = _State.LISTENING
        self._say_due: float | None = None  # when what is pending is said again
        self._inside = False
        self._present = Present({}, frozenset())
        self._thought: _Thought | None = None
        self._thoughts = 0
        self._said = 0
        self._due: float | None = None
        self._failures = 0  # of the model, in a row
        self._say_failures = 0
        self._interrupts = 0
        self._complaint: str | None = None

    @property
    def memory(self) -> Memory:
        """What to keep. Keep it before acting on a `Speak`."""
        first = self._inbox.first_waiting()
        return Memory(self._settled if first is None else min(first - 1, self._settled), self._pending)

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take an event in and return what follows from it."""
        actions: list[Action] = []
        match event:
            case Connected():
                self._inside = True
                self._inbox.start(now)
                actions += self._say(now)
            case Lost():
                self._inside = False
            case Present():
                self._present = event
            case Heard(utterance):
                actions += self._hear(utterance, now)
            case Erased(seq):
                self._inbox.redact(seq)
            case Answered() if self._is_open(event.thought, _State.THINKING):
                actions += self._answered(event, now)
            case Failed() if self._is_open(event.thought, _State.THINKING):
                actions += self._failed(event, now)
            case Used() if self._is_open(event.thought, _State.WORKING):
                actions += self._used(event, now)
            case Said(id, _) if self._is_pending(id):
                actions += self._spoken(now)
            case Refused(id) if self._is_pending(id):
                actions += self._refused(event, now)
            case Tick():
                actions += self._late(now)
        return actions + self._go(now)

    def deadline(self) -> float | None:
        """When to be woken with `Tick`; None while only an event can help."""
        moments = [self._inbox.deadline() if self._state is _State.LISTENING else None, self._say_due]
        inside = [moment for moment in moments if moment is not None and self._inside]
        return min([*inside, *([] if self._due is None else [self._due])], default=None)

    # Hearing.

    def _hear(self, heard: Utterance, now: float) -> list[Action]:
        self._restraint.hear(heard)
        actions: list[Action] = []
        if heard.speaker == self._card.id and self._is_pending(heard.id):
            actions += self._spoken(now)  # somebody else's connection was faster than `said`
        if heard.seq <= self._born:
            return actions  # thought about in an earlier life, or older than this mind
        self._inbox.hear(heard, self._present.agents, now)
        self._settled = max(self._settled, heard.seq)
        return actions + self._interrupted()

    def _interrupted(self) -> list[Action]:
        """Give up a thought for a person who speaks to us, unless it is about a person's words to us itself."""
        thought = self._thought
        if thought is None or thought.focus.kind == "asked" or not self._inbox.is_asked:
            return []
        if self._interrupts >= INTERRUPTS_MAX:
            return []
        self._interrupts += 1
        return self._give_up()

    def _give_up(self) -> list[Action]:
        assert self._thought is not None
        number, self._thought = self._thought.number, None
        self._inbox.put_back()
        self._state, self._due = _State.LISTENING, None
        self.counts.abandoned += 1
        return [Abandon(number)]

    # Thinking.

    def _go(self, now: float) -> list[Action]:
        """Begin to think if there is a reason, and nothing in the way."""
        if self._state is not _State.LISTENING or not self._inside:
            return []
        focus = self._inbox.next(now)
        if focus is None:
            return []
        about = focus.about
        cue = CUES[focus.kind].format(name=about.name if about else "", seq=about.seq if about else 0)
        self._inbox.take()
        self._thought = _Thought(0, focus, self._context.compose(self._chronicle, cue, self._saying))
        return self._think(now)

    def _think(self, now: float) -> list[Action]:
        assert self._thought is not None
        self._thoughts += 1
        self.counts.thoughts += 1
        self._thought.number = self._thoughts
        self._state, self._due = _State.THINKING, now + THOUGHT_SECONDS_MAX
        manner = self._card.manner
        offered = manner.tools if self._thought.rounds < TOOL_ROUNDS_MAX else ()
        call = Call(
            self._thought.messages,
            manner.answer_tokens,
            temperature=manner.temperature,
            tools=tuple(TOOLS[name] for name in offered),
            account=Account(self._chronicle.room, self._card.id),
        )
        return [Think(self._thoughts, call)]

    def _answered(self, answer: Answered, now: float) -> list[Action]:
        assert self._thought is not None
        self._failures = self._interrupts = 0
        self.counts.prompt_tokens += answer.usage.prompt_tokens
        self.counts.cached_tokens += answer.usage.cached_tokens
        self.counts.answer_tokens += answer.usage.answer_tokens
        told: list[Action] = []
        if self._complaint is not None:
            self._complaint = None
            told = [Recovered()]
        if answer.calls and self._thought.rounds < TOOL_ROUNDS_MAX:
            return told + self._use(answer, now)
        return told + self._conclude(answer.text, now)

    def _use(self, answer: Answered, now: float) -> list[Action]:
        assert self._thought is not None
        calls = answer.calls[:TOOL_CALLS_MAX]
        self._thought.rounds += 1
        self._thought.messages += (ChatMessage("assistant", answer.text, calls),)
        self._state, self._due = _State.WORKING, now + THOUGHT_SECONDS_MAX
        runs = tuple(read_call(call, self._card.manner.tools) for call in calls)
        self.counts.tools += len(runs)
        return [Use(self._thought.number, runs)]

    def _used(self, used: Used, now: float) -> list[Action]:
        assert self._thought is not None
        self._thought.used += used.results
        self._thought.messages += tuple(
            ChatMessage("tool", result.told, answers=result.call.id) for result in used.results
        )
        return self._think(now)

    def _conclude(self, answer: str, now: float) -> list[Action]:
        """The thought has come to an end: speak, hold or pass."""
        assert self._thought is not None
        focus = self._thought.focus
        others = [name for id, name in self._present.names.items() if id != self._card.id]
        draft = read_draft(answer, self._card.name, others)
        why: str | None = "nothing"
        if draft is not None and self._inbox.answered_enough(focus):
            why = "answered"
        elif draft is not None:
            why = self._restraint.judge(draft.text, focus, self._chronicle).fault
        if draft is not None and why is None:
            self._thought.draft = draft
            self._state, self._due = _State.HOLDING, None
            return self._speak(now)
        self._thought, self._state, self._due = None, _State.LISTENING, None
        self._inbox.settle(focus, spoke=False, now=now)
        self.counts.passes += 1
        self.counts.faults.update([] if draft is None else [str(why)])
        return [Passed(why or "nothing")]

    def _speak(self, now: float) -> list[Action]:
        """Say what is held, unless the message before is not known to be there."""
        if self._pending is not None or self._thought is None or self._thought.draft is None:
            return []
        thought, draft = self._thought, self._thought.draft
        self._thought, self._state = None, _State.LISTENING
        self._inbox.settle(thought.focus, spoke=True, now=now)
        self._said += 1
        parts = _fitting(draft.text, [part_of(result) for result in thought.used][:PARTS_MAX])
        reply_to = self._reply_to(draft.reply_to, thought.focus)
        self._pending = Speak(self._card.id, f"{self._run_id}-{self._said}", draft.text, parts, reply_to)
        self._say_failures = 0
        return self._say(now)

    def _reply_to(self, chosen: int | None, focus: Focus) -> int | None:
        """The message answered: a person who asked, else the one that the model chose, else the one it was about."""
        about = None if focus.about is None else focus.about.seq
        if focus.kind == "asked" or chosen is None or self._chronicle.find(chosen) is None:
            return about
        return chosen

    def _failed(self, failed: Failed, now: float) -> list[Action]:
        self._failures += 1
        self.counts.failures += 1
        self._thought = None
        self._inbox.put_back()
        if failed.trouble == "too_long" and self._context.too_long():
            self._state, self._due = _State.LISTENING, None
            return []
        self._state, self._due = _State.RESTING, now + self._rest_s(failed.passing)
        if failed.text == self._complaint:
            return []
        self._complaint = failed.text
        return [Complain(failed.text)]

    def _rest_s(self, passing: bool) -> float:
        """Doubles with each failure, and differs from mind to mind, so that they do not all come back at once."""
        spread = 0.5 + crc32(f"{self._card.id}/{self._failures}".encode()) / 2**32
        if not passing:
            return REST_SECONDS_FINAL * spread
        return min(REST_SECONDS_MAX, REST_SECONDS_MIN * 2.0 ** min(self._failures - 1, 10)) * spread

    # Speaking.

    def _say(self, now: float) -> list[Action]:
        """Send what is pending, for the first time or again."""
        if self._pending is None:
            return []
        self._say_due = now + ACK_SECONDS_MAX
        return [self._pending] if self._inside else []

    def _spoken(self, now: float) -> list[Action]:
        self.counts.said += 1
        self._pending, self._say_due = None, None
        return self._speak(now)

    def _refused(self, refused: Refused, now: float) -> list[Action]:
        assert self._pending is not None
        self._say_failures += 1
        if refused.code == "not_found" and self._pending.reply_to is not None:
            self._pending = replace(self._pending, reply_to=None)  # what it answers is not there any more
            return self._say(now)
        if refused.code in PASSING and self._say_failures < SAY_FAILURES_MAX:
            wait = 0.5 * 2.0**self._say_failures if refused.retry_after_s is None else refused.retry_after_s
            self._say_due = now + min(max(wait, SAY_AGAIN_SECONDS_MIN), SAY_AGAIN_SECONDS_MAX)
            return []
        self._pending, self._say_due = None, None
        told = Complain(f"the room does not take what it says ({refused.code}): {refused.message}")
        return [told, *self._speak(now)]

    @property
    def _saying(self) -> str:
        """What it has said and not heard yet."""
        return "" if self._pending is None else self._pending.text

    def _is_pending(self, id: str) -> bool:
        return self._pending is not None and self._pending.id == id

    def _is_open(self, thought: int, state: _State) -> bool:
        return self._state is state and self._thought is not None and self._thought.number == thought

    def _late(self, now: float) -> list[Action]:
        """A deadline has come."""
        if self._say_due is not None and self._say_due <= now:
            return self._say(now)
        if self._due is None or self._due > now:
            return []
        if self._state is _State.RESTING:
            self._state, self._due = _State.LISTENING, None
            return []
        if self._thought is None:
            return []
        number = self._thought.number
        text = f"expected an answer within {THOUGHT_SECONDS_MAX:g} s, got none: look at the endpoint"
        return [Abandon(number), *self._failed(Failed(number, "timed_out", True, text), now)]


def _fitting(text: str, parts: list[Part]) -> tuple[Part, ...]:
    """As many of the parts as one frame has room for, the last ones first to go."""
    while parts and frame_bytes(text, tuple(parts)) > FRAME_BYTES_MAX:
        parts.pop()
    return tuple(parts)
