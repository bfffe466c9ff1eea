"""What a conversation feels like: how lively it is, how friendly, and whether something has just become clear.

    energy   1 - exp(-words a minute / 300), the words of the last minute or so, faded
    warmth   (kindness - objection) / (kindness + objection + 2): two clear signs make a mood, one does not
    insight  a question was answered in substance, or a cue of discovery or decision was said, in the last 20 seconds

Signs are the explicit ones that the digest goes by too (`cadence.lod.stance`), and words of thanks and praise. Irony
is taken at its word. It is one mood for a whole room, whoever reads.

Pure: no clock, no files; times in seconds, as of the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import regex

from cadence.lod.stance import Stance

ENERGY_SECONDS = 40.0  # a word's share of the energy fades to a third in this time
LIVELY_WPM = 300.0
WARMTH_HALF_LIFE_S = 120.0
DOUBT = 2.0  # so many signs stand for a neutral mood
KIND_WORD = 0.5  # of an agreement
INSIGHT_SECONDS = 20.0
INSIGHT_WORDS_MIN = 6
REST_ENERGY = 0.05  # below it nothing changes any more that anybody could see
_READ_CHARACTERS = 600  # of a message; its mood shows at its beginning

_KIND = regex.compile(
    r"(?<!\p{L})(?:thank(?:s| you)|well done|nice (?:one|work|catch)|(?:good|great) (?:one|work|catch|idea|point)"
    r"|lovely|brilliant|congratulations|danke|sch[oö]n|merci|bravo|gracias|grazie|obrigad[oa]|bedankt)(?!\p{L})"
    r"|[🎉❤🙏👏😊🙂]|:-?\)",
    regex.IGNORECASE,
)
_CLEAR = regex.compile(
    r"(?<!\p{L})(?:found it|got it now|it turns out|turns out|that explains|which explains|root cause|the reason is|"
    r"that(?:['’]s| is) why|solved|we (?:have )?(?:decided|settled)|decision:|decided:|in conclusion|so the answer is|"
    r"gel[oö]st|gefunden|beschlossen|r[eé]solu|trouv[eé])(?!\p{L})",
    regex.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Feeling:
    """A mood at one moment: `energy` 0..1, `warmth` -1..1."""

    energy: float = 0.0
    warmth: float = 0.0
    insight: bool = False

    @property
    def at_rest(self) -> bool:
        """Whether it would look the same later if nobody spoke."""
        return self.energy < REST_ENERGY and not self.insight


class Mood:
    """The mood of one room. Messages are heard in order; one from the past counts for less."""

    def __init__(self) -> None:
        self._at = float("-inf")
        self._words = 0.0  # faded
        self._kind = 0.0
        self._against = 0.0
        self._clear_at = float("-inf")
        self._felt: tuple[float, Feeling] | None = None  # when it was last asked for, and nothing was heard since

    def hear(self, at: float, text: str, words: int, stance: Stance | None, *, answers: bool) -> None:
        """A message of `words`; `answers` if it replies to a question."""
        self._fade(at)
        self._felt = None
        opening = text[:_READ_CHARACTERS]
        self._words += words
        self._kind += (stance == "agreement") + KIND_WORD * bool(_KIND.search(opening))
        self._against += stance == "objection"
        if words >= INSIGHT_WORDS_MIN and stance is None and (answers or _CLEAR.search(opening)):
            self._clear_at = max(self._clear_at, at)

    def at(self, now: float) -> Feeling:
        """The mood at `now`, to a tenth: finer than that nobody sees."""
        if self._felt is None or self._felt[0] != now:
            self._felt = now, self._feel(now)
        return self._felt[1]

    def _feel(self, now: float) -> Feeling:
        seconds = max(0.0, now - self._at)
        wpm = 60.0 / ENERGY_SECONDS * self._words * exp(-seconds / ENERGY_SECONDS)
        left = 0.5 ** (seconds / WARMTH_HALF_LIFE_S)
        kind, against = self._kind * left, self._against * left
        warmth = (kind - against) / (kind + against + DOUBT)
        insight = 0.0 <= now - self._clear_at < INSIGHT_SECONDS
        return Feeling(round(1.0 - exp(-wpm / LIVELY_WPM), 1), round(warmth, 1) + 0.0, insight)

    def _fade(self, at: float) -> None:
        seconds = max(0.0, at - self._at)
        self._words *= exp(-seconds / ENERGY_SECONDS)
        self._kind *= 0.5 ** (seconds / WARMTH_HALF_LIFE_S)
        self._against *= 0.5 ** (seconds / WARMTH_HALF_LIFE_S)
        self._at = max(self._at, at)
