"""What a mind is told and what it wants done: the events and actions of `cadence.personas.mind`, and what it keeps.

Pure: data only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from cadence.models.chat import Call, ToolCall, Trouble, Usage
from cadence.personas.chronicle import Utterance
from cadence.personas.play import Connected, Lost, Refused, Said, Speak, Tick
from cadence.personas.tools import ToolResult, ToolRun


@dataclass(frozen=True, slots=True)
class Heard:
    """Somebody said something."""

    utterance: Utterance


@dataclass(frozen=True, slots=True)
class Erased:
    """A message was taken back."""

    seq: int


@dataclass(frozen=True, slots=True)
class Present:
    """Who is in the room: names by id, and which of them are AIs."""

    names: Mapping[str, str]
    agents: frozenset[str]


@dataclass(frozen=True, slots=True)
class Answered:
    """The model's whole answer to a thought."""

    thought: int
    text: str
    calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Failed:
    """The model gave no answer to a thought. `text` is one sentence."""

    thought: int
    trouble: Trouble
    passing: bool
    text: str


@dataclass(frozen=True, slots=True)
class Used:
    """The tools of a thought have run, all of them."""

    thought: int
    results: tuple[ToolResult, ...]


Event = Connected | Lost | Heard | Erased | Present | Answered | Failed | Used | Said | Refused | Tick


@dataclass(frozen=True, slots=True)
class Think:
    """Ask the model, and answer with `Answered` or `Failed`."""

    thought: int
    call: Call


@dataclass(frozen=True, slots=True)
class Abandon:
    """Stop what is being done for this thought; its outcome is of no interest any more."""

    thought: int


@dataclass(frozen=True, slots=True)
class Use:
    """Run these tools, and answer with `Used`."""

    thought: int
    runs: tuple[ToolRun | ToolResult, ...]


@dataclass(frozen=True, slots=True)
class Passed:
    """A thought ended without a message. `why`: the model passed (`nothing`), or what was wrong with its draft."""

    why: str


@dataclass(frozen=True, slots=True)
class Complain:
    """The model fails, in one sentence for the host; told when it begins and when it changes."""

    text: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """The model answers again."""


Action = Think | Abandon | Use | Speak | Passed | Complain | Recovered


@dataclass(frozen=True, slots=True)
class Memory:
    """What must outlive a restart: up to which message all was thought about, and what is not known to be said."""

    settled: int = 0
    pending: Speak | None = None


@dataclass(slots=True)
class Counts:
    """Since the start, for whoever asks. `faults` are drafts not said, by reason."""

    thoughts: int = 0
    said: int = 0
    passes: int = 0
    failures: int = 0
    abandoned: int = 0
    tools: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    answer_tokens: int = 0
    faults: Counter[str] = field(default_factory=Counter)
