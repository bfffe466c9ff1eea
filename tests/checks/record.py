"""What checkers look at: the log as a witness saw it, and one client's diary of one room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tests.stranger import Frame, Seen


def seconds(iso: str) -> float:
    """A frame's time as seconds since the epoch."""
    return datetime.fromisoformat(iso).timestamp()


@dataclass(slots=True)
class Log:
    """A room's messages as they were first said, and when some were redacted (the witness's clock)."""

    room: str
    messages: dict[int, Frame] = field(default_factory=dict)
    redacted: dict[int, float] = field(default_factory=dict)
    others: dict[str, Log] = field(default_factory=dict)  # rooms in hearing
    public: bool = True

    @property
    def head(self) -> int:
        return max(self.messages, default=0)

    def kind(self, seq: int) -> str:
        return str(self.messages[seq]["from"]["kind"])

    def author(self, seq: int) -> str:
        return str(self.messages[seq]["from"]["id"])

    def at(self, seq: int) -> float:
        return seconds(self.messages[seq]["at"])


def log_of(room: str, diaries: Iterable[Sequence[Seen]]) -> Log:
    """The union of what witnesses saw; an original wins over what redaction left of it."""
    log = Log(room)
    for diary in diaries:
        for seen in diary:
            if seen.way != "in" or seen.frame.get("room") != room:
                continue
            frames = seen.frame["items"] if seen.frame["type"] == "page" else [seen.frame]
            for frame in frames:
                if frame["type"] == "message" and not (frame.get("redacted") and frame["seq"] in log.messages):
                    log.messages[frame["seq"]] = frame
            if seen.frame["type"] == "redacted":
                log.redacted[seen.frame["seq"]] = min(seen.at, log.redacted.get(seen.frame["seq"], seen.at))
    log.messages = dict(sorted(log.messages.items()))
    return log


def is_aside(segment: Frame) -> bool:
    """Whether a segment is not of the turn's own conversation: another room's, or Alex's own words."""
    return "room" in segment or segment["kind"] == "whisper"


def _at_home(seen: Seen) -> Seen:
    """A turn without its asides; anything else as it is."""
    if seen.way != "in" or seen.frame["type"] != "turn" or not any(map(is_aside, seen.frame["segments"])):
        return seen
    segments = [segment for segment in seen.frame["segments"] if not is_aside(segment)]
    return replace(seen, frame={**seen.frame, "segments": segments})


@dataclass(frozen=True, slots=True)
class Joining:
    """A `joined` and the `join` it answers; `afresh` if nothing was replayed and a new run began."""

    seen: Seen
    asked: Frame

    @property
    def afresh(self) -> bool:
        return "after" not in self.asked or not self.seen.frame["recovered"]


class Reading:
    """One client's diary of one room, indexed. `second`: another connection of the user was there before.

    `lingers_s`: for how long another server may think that a connection which broke is still there.
    """

    def __init__(
        self, who: str, diary: Sequence[Seen], room: str, *, second: bool = False, lingers_s: float = 0.0
    ) -> None:
        self.lingers_s = lingers_s
        self.who = who
        self.room = room
        self.second = second
        self.events: list[Seen] = []
        self.joinings: dict[int, Joining] = {}  # by index into events
        self.turns: dict[int, Seen] = {}  # less what was overheard of other rooms, and what Alex says
        self.whole: dict[int, Seen] = {}  # as they came
        self.messages: dict[int, Seen] = {}
        self.views: list[tuple[float, Frame]] = []  # when it was told, and what
        self.asked_at: list[float] = []  # of each view: since when it may be in force, as the answer may come late
        self.unsure: list[tuple[float, Frame]] = []  # asked for when, and what: set, perhaps, but it could not be kept
        self.here: list[tuple[float, float]] = []  # joined from, until
        self._index(diary)

    def _index(self, diary: Sequence[Seen]) -> None:
        asked: dict[str, Frame] = {}
        asked_at: dict[str, float] = {}
        since: float | None = None
        user = ""
        for seen in diary:
            if seen.way == "out" and "ref" in seen.frame:
                asked[seen.frame["ref"]], asked_at[seen.frame["ref"]] = seen.frame, seen.at
            if seen.way == "in" and seen.frame["type"] == "welcome":
                user = seen.frame["you"]["id"]
            over = seen.way == "closed" or seen.frame.get("type") == "left" and seen.frame.get("room") == self.room
            if over and since is not None:
                self.here.append((since, seen.at))
                since = None
            if seen.way != "closed" and seen.frame.get("room") != self.room:
                continue
            self.events.append(_at_home(seen))
            if seen.way != "in":
                continue
            match seen.frame["type"]:
                case "joined":
                    self.joinings[len(self.events) - 1] = Joining(seen, asked[seen.frame["ref"]])
                    since = seen.at if since is None else since
                    if seen.frame["view"] is not None:
                        self.views.append((seen.at, seen.frame["view"]))
                        self.asked_at.append(asked_at[seen.frame["ref"]])
                case "view" if seen.frame["participant"] == user:
                    self.views.append((seen.at, seen.frame["view"]))
                    self.asked_at.append(asked_at.get(seen.frame.get("ref", ""), seen.at))
                case "error" if seen.frame["code"] == "unavailable" and self.views:
                    request = asked.get(seen.frame.get("ref", ""), {})
                    if request.get("type") == "view":
                        self.unsure.append((asked_at[request["ref"]], {**self.views[-1][1], **request}))
                case "turn":
                    self.whole.setdefault(seen.frame["turn"], seen)
                    self.turns.setdefault(seen.frame["turn"], self.events[-1])
                case "message":
                    self.messages.setdefault(seen.frame["seq"], seen)
        if since is not None:
            self.here.append((since, float("inf")))

    def cadence_turns(self) -> list[Frame]:
        """Turns of the cadence in the order of their numbers: those the bucket pays for."""
        found = [seen.frame for _, seen in sorted(self.turns.items())]
        return [turn for turn in found if turn["mode"] in ("paraphrase", "paced")]

    def mode_at(self, when: float) -> str:
        """The mode in force at a time, by the views this client was told of."""
        mode = "paraphrase"
        for at, view in self.views:
            if at <= when:
                mode = view["mode"]
        return mode

    def lingered(self, joined: int) -> bool:
        """Whether this joining, by index, may have been taken for that of one more page beside one that had broken."""
        at = self.events[joined].at
        return any(seen.way == "closed" and at - seen.at <= self.lingers_s for seen in self.events[:joined])

    def present(self, start: float, end: float) -> bool:
        """Whether the client was joined during all of start..end."""
        return any(since <= start and end <= until for since, until in self.here)
