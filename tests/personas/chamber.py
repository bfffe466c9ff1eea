"""Several minds in one room, without a loop: a queue of moments, models as functions, and a log that all of them hear.

Everything follows from a seed: how long models think, when they fail, when people speak.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from random import Random

from cadence.models.chat import Call
from cadence.personas.cards import Card, Manner
from cadence.personas.chronicle import Chronicle
from cadence.personas.mind import Mind
from cadence.personas.passages import Passages
from cadence.personas.play import Connected, Refused, Said, Speak, Tick
from cadence.personas.thoughts import (
    Abandon,
    Action,
    Answered,
    Complain,
    Event,
    Failed,
    Heard,
    Memory,
    Passed,
    Present,
    Think,
)
from cadence.rooms.mentions import mentions
from cadence.rooms.wire import Author, Kind, Member, Message, to_iso

EPOCH = 1_750_000_000.0
Model = Callable[[Call], "str | Failed | None"]  # None: it hangs


def card(id: str, *, prompt: str = "You are somebody.", **manner: object) -> Card:
    return Card(id, id.title(), "they/them", prompt, model="fake", manner=Manner(**manner))  # type: ignore[arg-type]


@dataclass
class Chamber:
    """`models` by persona. `think_s` is how long a thought takes, at random."""

    models: Mapping[str, Model]
    seed: int = 0
    think_s: tuple[float, float] = (0.2, 1.0)
    context_tokens: int = 8_000
    manners: Mapping[str, dict[str, object]] = field(default_factory=dict)
    now: float = 0.0
    log: list[Message] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    told: list[tuple[float, str, Action]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.chronicle = Chronicle("chamber", "e")
        self.passages = Passages()
        self.minds: dict[str, Mind] = {}
        self.calls: dict[str, list[Call]] = {id: [] for id in self.models}
        self._moments: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._timers: dict[str, float] = {}
        self._lives = count(1)
        names = {id: id.title() for id in self.models} | {"pip": "Pip"}
        self.members = [Member(id, name, "human" if id == "pip" else "agent") for id, name in names.items()]
        self.present = Present(names, frozenset(self.models))
        for id in self.models:
            self.enter(id, Memory())

    def enter(self, id: str, memory: Memory) -> None:
        """A mind begins a life, with what an earlier one left."""
        mind = Mind(
            card(id, **self.manners.get(id, {})),
            self.chronicle,
            self.passages,
            self.context_tokens,
            f"life{next(self._lives)}",
            memory,
        )
        self.minds[id] = mind
        self._timers.pop(id, None)
        self.tell(id, self.present)
        self.tell(id, Connected(id, len(self.log)))

    def post(self, id: str, text: str, *, kind: Kind = "agent", reply_to: int | None = None, key: str = "") -> int:
        """Somebody's message becomes part of the log, and everybody hears it."""
        key = key or f"m{len(self.log)}"
        for known in self.log:
            if known.from_.id == id and known.id == key:
                return known.seq
        name = id.title()
        message = Message(
            "chamber",
            "e",
            len(self.log) + 1,
            key,
            Author(id, name, kind),
            to_iso(EPOCH + self.now),
            text,
            mentions=mentions(text, self.members, id),
            **({} if reply_to is None else {"reply_to": reply_to}),
        )
        self.log.append(message)
        self.times.append(self.now)
        heard = self.chronicle.hear(message)
        assert heard is not None
        while self.chronicle.pyramid.carry():
            pass
        for other in list(self.minds):
            self.tell(other, Heard(heard))
        return message.seq

    def person(self, text: str, *, reply_to: int | None = None) -> int:
        return self.post("pip", text, kind="human", reply_to=reply_to)

    def at(self, when: float, do: Callable[[], object]) -> None:
        """Do something at a moment."""
        heapq.heappush(self._moments, (when, next(self._order), lambda: (do(), None)[1]))

    def tell(self, id: str, event: Event) -> None:
        mind = self.minds[id]
        for action in mind.handle(event, self.now):
            self.told.append((self.now, id, action))
            self._do(id, mind, action)
        due = mind.deadline()
        if due is not None and self._timers.get(id) != due:
            self._timers[id] = due
            self.at(max(due, self.now), lambda: self._tick(id, mind, due))

    def _tick(self, id: str, mind: Mind, due: float) -> None:
        if self.minds.get(id) is mind and self._timers.get(id) == due:
            self._timers.pop(id)
            self.tell(id, Tick())

    def _do(self, id: str, mind: Mind, action: Action) -> None:
        match action:
            case Think(thought, call):
                self.calls[id].append(call)
                answer = self.models[id](call)
                if answer is None:
                    return
                event = (
                    Answered(thought, answer)
                    if isinstance(answer, str)
                    else Failed(thought, answer.trouble, answer.passing, answer.text)
                )
                self.at(self.now + self.random.uniform(*self.think_s), lambda: self._outcome(id, mind, event))
            case Speak():
                self.at(self.now + 0.005, lambda: self._say(id, mind, action))

    def _outcome(self, id: str, mind: Mind, event: Event) -> None:
        if self.minds.get(id) is mind:
            self.tell(id, event)

    def _say(self, id: str, mind: Mind, speak: Speak) -> None:
        if self.minds.get(id) is not mind:
            return
        if speak.reply_to is not None and speak.reply_to > len(self.log):
            self.tell(id, Refused(speak.id, "not_found"))
            return
        seq = self.post(id, speak.text, reply_to=speak.reply_to, key=speak.id)
        self.tell(id, Said(speak.id, seq))

    def run(self, until: float, moments_max: int = 200_000) -> None:
        """Let time pass."""
        for _ in range(moments_max):
            if not self._moments or self._moments[0][0] > until:
                self.now = until
                return
            when, _, do = heapq.heappop(self._moments)
            self.now = max(self.now, when)
            do()
        raise AssertionError(f"expected an end of what happens by {until} s, still busy at {self.now} s")

    def said_by(self, id: str) -> list[Message]:
        return [message for message in self.log if message.from_.id == id]

    def passed(self, id: str) -> list[str]:
        return [action.why for _, who, action in self.told if who == id and isinstance(action, Passed)]

    def complaints(self) -> list[str]:
        return [action.text for _, _, action in self.told if isinstance(action, Complain)]


__all__ = ["Abandon", "Chamber", "Model", "card"]
