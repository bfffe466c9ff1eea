"""The bucket as a stranger can reckon it: law 2 (pace), the longest silence, law 3 (identity)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from tests.checks import repeats, words
from tests.checks.record import Log, Reading, seconds
from tests.stranger import Frame

SHARE = 0.7
UNIT_WORDS_MAX = 40
DISPUTE_WORDS_MAX = 80
WAITING_S = 60.0
WAITING_LOOKS = 12
SURE_S = 50.0  # younger than this, a waiting unit cannot have expired
UNITS_MAX = 2000
CADENCE_S_MAX = 30.0
CLOSING_S = 30.0
BACKCHANNEL_WORDS_MAX = 12
REDACTION_S = 1.0  # while it travels, a redaction may or may not have been heard of
TINY = 1e-6
MILLISECOND = 0.001
MILLISECOND_WORDS = 0.05  # `at` is cut to the millisecond; the fastest pace is 11.7 words a second


def rate_of(view: Frame) -> float:
    """Words per second."""
    return float(view["pace_wpm"]) / 60 * SHARE


def credit_max_of(view: Frame) -> float:
    return max(2 * rate_of(view) * float(view["cadence_s"]), 40.0)


class Timeline:
    """Which views may be in force: a change counts from the next look, at most one old cadence after it is told."""

    def __init__(self, reading: Reading) -> None:
        self._views, self._asked_at = reading.views, reading.asked_at
        self._unsure = [(since, self._next(since), view) for since, view in reading.unsure]

    def _next(self, since: float) -> float:
        """When what was in force at `since` is so no longer: another view was told, and one cadence went by."""
        return next((at + CADENCE_S_MAX for at, _ in self._views if at > since), float("inf"))

    def around(self, start: float, end: float) -> list[Frame]:
        """Every view that may be in force at some time in start..end."""
        found: list[Frame] = []
        for index, (_, view) in enumerate(self._views):
            until = self._views[index + 1][0] + float(view["cadence_s"]) if index + 1 < len(self._views) else end
            began = self._asked_at[index] if index else 0.0
            if began <= end and until >= start:
                found.append(view)
        found += [view for since, until, view in self._unsure if since <= end and until >= start]
        return found or [self._views[0][1]]

    def cuts(self, start: float, end: float) -> list[float]:
        """start, end and the times between at which the views in force may change."""
        times = {start, end}
        for index, (at, _) in enumerate(self._views):
            times |= {self._asked_at[index], at}
            if index:
                times.add(at + float(self._views[index - 1][1]["cadence_s"]))
        times |= {time for since, until, _ in self._unsure for time in (since, until)}
        return sorted(time for time in times if start <= time <= end)

    def words(self, start: float, end: float) -> float:
        """The most words start..end can earn."""
        cuts = self.cuts(start, end)
        return sum((b - a) * max(rate_of(v) for v in self.around(a + TINY, b - TINY)) for a, b in pairwise(cuts))


def law_2(reading: Reading, log: Log) -> list[str]:
    """Words of cadence turns in any window obey the bucket; after a catch-up, without the burst.

    What another page of the reader set while this one was away only that page knows, and it counted those turns.
    """
    turns = reading.cadence_turns()
    if reading.second:
        turns = [turn for turn in turns if reading.present(seconds(turn["at"]), seconds(turn["at"]))]
    if not turns or not reading.views:
        return []
    found: list[str] = []
    timeline = Timeline(reading)
    times = [seconds(turn["at"]) for turn in turns]
    debts = [_overdraw(turn, log) for turn in turns]
    earned = [0.0] + [timeline.words(a, b) for a, b in pairwise(times)]
    bursts = [max(credit_max_of(view) for view in timeline.around(a, b)) for a, b in pairwise([times[0], *times])]
    for first, turn in enumerate(turns):
        shown, income, burst, debt = 0, -earned[first], 0.0, 0
        for last in range(first, len(turns)):
            shown += turns[last]["words"]
            income += earned[last]
            burst, debt = max(burst, bursts[last]), max(debt, debts[last])
            allowed = income + burst + debt
            if shown > allowed + MILLISECOND_WORDS:
                label = f"law 2: {reading.who}, turns {turn['turn']}-{turns[last]['turn']}"
                span = times[last] - times[first]
                found.append(f"{label}: {shown} words in {span:.3f} s, at most {allowed:.1f}")
                break
    return found + _after_catch_up(reading, log, timeline, turns)


def _overdraw(turn: Frame, log: Log) -> int:
    """The most by which this turn's last thing may have overdrawn: a unit, a dispute pair, a whole message."""
    shown = [log.messages[seq] for segment in turn["segments"] for seq in segment["sources"]]
    if turn["mode"] == "paraphrase" and not shown:
        return DISPUTE_WORDS_MAX  # overheard: it may be a dispute of another room
    if turn["mode"] == "paced":
        return max([UNIT_WORDS_MAX, *map(words.of_message, shown)])
    return DISPUTE_WORDS_MAX if any("reply_to" in message for message in shown) else UNIT_WORDS_MAX


def _after_catch_up(reading: Reading, log: Log, timeline: Timeline, turns: list[Frame]) -> list[str]:
    found: list[str] = []
    for seen in reading.turns.values():
        if seen.frame["mode"] not in ("catch_up", "answer"):
            continue
        start, shown, debt = seconds(seen.frame["at"]), 0, 0
        for turn in (turn for turn in turns if turn["turn"] > seen.frame["turn"]):
            shown += turn["words"]
            debt = max(debt, _overdraw(turn, log))
            allowed = timeline.words(start, seconds(turn["at"])) + debt
            if shown > allowed + MILLISECOND_WORDS:
                label = f"law 2: {reading.who}, turns {seen.frame['turn'] + 1}-{turn['turn']} after a catch-up"
                found.append(f"{label}: {shown} words, at most {allowed:.1f}")
                break
    return found


@dataclass(slots=True)
class _Open:
    """A covered message of which text may still wait: a stranger cannot know what was condensed away."""

    words: int
    at: float
    untouched: bool = True
    doubtful: bool = False  # may be gone, or may never have been waiting


class _Identity:
    """Law 3 with the least credit the reader can have and the most words that can wait."""

    def __init__(self, reading: Reading, log: Log, user: str) -> None:
        self.reading, self.log, self.user = reading, log, user
        self.timeline = Timeline(reading)
        first = reading.views[0]
        self.at = first[0]
        self.credit = credit_max_of(first[1])
        self.open: dict[int, _Open] = {}
        self.found: list[str] = []
        self.returned_at = 0.0
        self.met = 0

    def advance(self, to: float) -> None:
        cuts = self.timeline.cuts(self.at, to) if to > self.at else []
        for a, b in pairwise(cuts):
            views = self.timeline.around(a + TINY, b - TINY)
            income = (b - a) * min(rate_of(view) for view in views)
            self.credit = min(self.credit + income, min(credit_max_of(view) for view in views))
        self.at = max(self.at, to)

    def doubt(self) -> None:
        """What waits may be gone: count its words, expect none of it."""
        for entry in self.open.values():
            entry.doubtful = True

    def returned(self, now: float) -> None:
        """Another mediator may have begun."""
        self.doubt()
        self.returned_at = now

    def answered(self, now: float) -> None:
        """An answer is not charged, but what was saved is used up; what waits goes on waiting."""
        self.advance(now)
        self.credit = min(self.credit, 0.0)

    def turn(self, turn: Frame) -> None:
        now = seconds(turn["at"])
        self.advance(now)
        if turn["mode"] != "paraphrase":
            self.credit = self.credit - turn["words"] if turn["mode"] == "paced" else min(self.credit, 0.0)
            self.doubt()
            for seq in self._new(turn):
                self.open[seq] = self._opened(seq, doubtful=True)
            return
        for seq in self._new(turn):
            self.open[seq] = self._opened(seq)
        self._forget(now)
        waiting = sum(entry.words for entry in self.open.values())
        if waiting <= self.credit - MILLISECOND_WORDS:
            self._must_be_whole(turn, now)
            self.open.clear()
        for segment in turn["segments"]:
            for seq in segment["sources"]:
                if seq in self.open:
                    self.open[seq].untouched = False
        self.credit -= turn["words"]

    def _opened(self, seq: int, doubtful: bool = False) -> _Open:
        """What was missed waits from the return on: a clock that was set may have made that a day."""
        at = max(self.log.at(seq), self.returned_at)
        return _Open(words.of_message(self.log.messages[seq]), at, doubtful=doubtful)

    def _may_be_nothing(self, seq: int) -> bool:
        """Of transcribed speech nothing may be left once "mm-hmm" is taken away; it then waits for nobody."""
        message = self.log.messages[seq]
        return bool(message.get("spoken")) and words.count(message["text"]) <= BACKCHANNEL_WORDS_MAX

    def _new(self, turn: Frame) -> list[int]:
        covers = turn["covers"]
        span = (seq for seq in range(covers["from"], covers["to"] + 1) if seq in self.log.messages)
        return [seq for seq in span if self._waits(seq)]

    def _waits(self, seq: int) -> bool:
        """AI speech, and human speech that was not sent as a message."""
        return self.log.kind(seq) == "agent" or self.log.author(seq) != self.user and seq not in self.reading.messages

    def _gone(self, seq: int, margin: float) -> bool:
        return self.log.redacted.get(seq, float("inf")) <= self.at + margin

    def _forget(self, now: float) -> None:
        looks = max(view["cadence_s"] for view in self.timeline.around(now - WAITING_S, now))
        crowded = len(self.open) > 400 or sum(entry.words for entry in self.open.values()) > UNITS_MAX
        for seq, entry in list(self.open.items()):
            age = now - entry.at
            urgent = self.user in self.log.messages[seq].get("mentions", ()) or "reply_to" in self.log.messages[seq]
            if self._gone(seq, -REDACTION_S) or age > max(WAITING_S, WAITING_LOOKS * looks) + 2 * looks and not urgent:
                del self.open[seq]
            elif crowded or age > SURE_S or self._gone(seq, REDACTION_S) or self._may_be_counted(seq, age, now):
                entry.doubtful = True

    def _may_be_counted(self, seq: int, age: float, now: float) -> bool:
        """Whether an earlier look, at which not all fitted, may have gated this as a repeat: it waits no longer then.

        LOD section 3: what is gated does not wait; nobody is told of a look that showed nothing.
        """
        shortest = min(view["cadence_s"] for view in self.timeline.around(now - age, now))
        return age >= shortest - MILLISECOND and repeats.may_be_told(self.log.messages[seq], self.log)

    def _must_be_whole(self, turn: Frame, now: float) -> None:
        """Every untouched message in order: its text if not empty, then one segment for each part."""
        due = [seq for seq, entry in sorted(self.open.items()) if entry.untouched and not entry.doubtful]
        due = [seq for seq in due if not self._may_be_nothing(seq)]
        expected: list[tuple[int, int | None, str]] = []
        for seq in due:
            message = self.log.messages[seq]
            if message["text"].strip():
                expected.append((seq, None, message["text"]))
            expected += [(seq, index, part["body"]) for index, part in enumerate(message.get("parts", ()))]
        shown = [
            (segment["sources"][0], segment.get("part", {}).get("index"), segment["text"])
            for segment in turn["segments"]
            if segment["kind"] == "verbatim" and segment["sources"][0] in due
        ]
        self.met += bool(due)
        redacted = any(segment.get("redacted") for segment in turn["segments"])
        if shown != expected and not redacted:
            have = f"credit at least {self.credit:.1f}, waiting at most {sum(e.words for e in self.open.values())}"
            label = f"law 3: {self.reading.who}, turn {turn['turn']} ({have})"
            found = f"expected whole {[key[:2] for key in expected]}, got {[key[:2] for key in shown]}"
            self.found.append(f"{label}: {found}; segments {turn['segments']}")


def law_3(reading: Reading, log: Log, user: str) -> tuple[list[str], int]:
    """Violations of the identity, and in how many turns it was put to the proof."""
    if not reading.views:
        return [], 0
    machine = _Identity(reading, log, user)
    known: set[int] = set()
    for seen in reading.events:
        if seen.way == "in" and seen.frame["type"] == "joined":
            machine.returned(seen.at)
        elif seen.way == "in" and seen.frame["type"] == "view":
            machine.doubt()  # what waited may have gone with the mode
        elif seen.way == "in" and seen.frame["type"] == "turn" and seen.frame["turn"] not in known:
            known.add(seen.frame["turn"])
            at = seconds(seen.frame["at"])
            if seen.frame["covers"] is None:
                machine.answered(at)
            else:
                raw = "raw" in (reading.mode_at(at - 1), reading.mode_at(at), reading.mode_at(at + 1))
                machine.turn({**seen.frame, "mode": "catch_up"} if raw else seen.frame)
    return machine.found, machine.met


def silence(reading: Reading, log: Log, *, calm: list[tuple[float, float]], prompt_s: float) -> list[str]:
    """While something waits, the gap between turns is bounded (LOD section 3; protocol rule 4 for the empty)."""
    found: list[str] = []
    if not reading.views:
        return found
    timeline = Timeline(reading)
    turns = [seen.frame for _, seen in sorted(reading.turns.items()) if seen.frame["covers"] is not None]
    for seq, message in log.messages.items():
        at = log.at(seq)
        if message["from"]["kind"] != "agent" or seq <= _joined(reading):
            continue
        until = next((seconds(turn["at"]) for turn in turns if turn["covers"]["to"] >= seq), float("inf"))
        views = timeline.around(at - CADENCE_S_MAX, at + CADENCE_S_MAX)
        cadence, rate = max(float(v["cadence_s"]) for v in views), min(rate_of(v) for v in views)
        # What was shown whole in paced mode is owed in the next mode too.
        whole = [
            turn["words"] for turn in turns if turn["mode"] == "paced" and seconds(turn["at"]) <= at + CADENCE_S_MAX
        ]
        patience = max(cadence, 6 / rate) + cadence + max([UNIT_WORDS_MAX, *whole]) / rate + prompt_s
        may_be_nothing = message.get("spoken") or seq in log.redacted or message.get("pod")
        patience += CLOSING_S + cadence if may_be_nothing else 0.0

        def late(patience: float, at: float = at, until: float = until) -> bool:
            undisturbed = any(a <= at and at + patience <= b for a, b in calm)
            mediated = all(view["mode"] == "paraphrase" for view in timeline.around(at - 1, at + patience))
            return until > at + patience and undisturbed and mediated

        if late(patience) and (not repeats.may_be_told(message, log) or late(patience + CLOSING_S + cadence)):
            found.append(f"silence: {reading.who} waits for seq {seq} since {at:.3f}, patience {patience:.1f} s")
            break
    return found


def _joined(reading: Reading) -> int:
    return min(joining.seen.frame["head"] for joining in reading.joinings.values())
