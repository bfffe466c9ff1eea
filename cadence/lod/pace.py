"""How fast somebody reads, learned from how long turns were before their eyes.

Words a second are taken as log-normal: the logarithms of the last `SAMPLES_MAX` readings, less outliers, are averaged
with half a reading's worth of the usual pace (238 words a minute, Brysbaert 2019). What was not reading is ignored:

    slower than 45 or faster than 1,200 words a minute   nobody was there, or it was scrolled by
    ended within 0.25 s of the next turn's coming        the turn was replaced; nobody says that they had finished
    no dwell reported                                    the tab was hidden, or the page gave up waiting

The pace in force follows by at most 10 % a minute, and only for readers who left `auto` on.

Pure: `now` and times are in seconds and are arguments.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from math import ceil, exp, floor, log
from statistics import fmean, median

PACE_WPM_USUAL = 238.0
PACE_WPM_MIN, PACE_WPM_MAX = 60.0, 1_000.0
SAMPLES_MAX = 40
SAMPLES_MIN = 8  # before that nothing is said of the reader
PRIOR_SAMPLES = 0.5
READING_WPM_MIN, READING_WPM_MAX = 45.0, 1_200.0
TURN_WORDS_MIN = 6  # a shorter turn is taken in at a glance
REPLACED_SECONDS = 0.25
SPREAD_MIN = 0.35  # in logarithms; what lies within it of the median is never an outlier
OUTLIER_DEVIATIONS = 3.0
STEP_MAX = 0.10  # of the pace, in `STEP_SECONDS`
STEP_SECONDS = 60.0
STEP_MIN = 0.03  # a smaller change is not worth a word
TURNS_REMEMBERED_MAX = 64
_NORMAL_MAD = 1.4826  # standard deviations in one median absolute deviation of a normal distribution


class PaceEstimate:
    """What readings say of one reader's pace."""

    def __init__(self) -> None:
        self._samples: list[float] = []  # logarithms of words a minute; the last `SAMPLES_MAX`

    def add(self, words: int, seconds: float) -> bool:
        """So many words were read in so many seconds; whether that was reading at all."""
        if words < TURN_WORDS_MIN or seconds <= 0.0:
            return False
        wpm = 60.0 * words / seconds
        if not READING_WPM_MIN <= wpm <= READING_WPM_MAX:
            return False
        self.recall([log(wpm)])
        return True

    @property
    def samples(self) -> tuple[float, ...]:
        """The readings that count: logarithms of words a minute, oldest first."""
        return tuple(self._samples)

    def recall(self, samples: Iterable[float]) -> None:
        """Go on from these readings."""
        self._samples.extend(samples)
        del self._samples[:-SAMPLES_MAX]

    @property
    def wpm(self) -> float | None:
        """Words a minute, within 60..1000; None before `SAMPLES_MIN` readings."""
        if len(self._samples) < SAMPLES_MIN:
            return None
        middle = median(self._samples)
        spread = _NORMAL_MAD * median(abs(sample - middle) for sample in self._samples)
        bound = max(SPREAD_MIN, OUTLIER_DEVIATIONS * spread)
        kept = [sample for sample in self._samples if abs(sample - middle) <= bound]
        weight = len(kept) + PRIOR_SAMPLES
        mean = (fmean(kept) * len(kept) + log(PACE_WPM_USUAL) * PRIOR_SAMPLES) / weight
        return min(max(exp(mean), PACE_WPM_MIN), PACE_WPM_MAX)


class PaceLearner:
    """Learns one reader's pace in one room. Tell it of every turn when it is sent, and of every `read`."""

    def __init__(self) -> None:
        self.estimate = PaceEstimate()
        self._turns: OrderedDict[int, tuple[int, float]] = OrderedDict()  # words, when sent; not yet read
        self._sent: list[float] = []  # when the last `TURNS_REMEMBERED_MAX` were sent
        self.changed_at = float("-inf")  # when a pace was last set
        self.read_to = 0  # the last turn that was read

    def sent(self, turn: int, words: int, now: float) -> None:
        """A turn is on its way to the reader."""
        self._turns[turn] = (words, now)
        self._sent.append(now)
        del self._sent[:-TURNS_REMEMBERED_MAX]
        while len(self._turns) > TURNS_REMEMBERED_MAX:
            self._turns.popitem(last=False)

    def read(self, turn: int, dwell_s: float | None) -> bool:
        """The reader had `turn` before their eyes, and whether that taught anything; a turn counts once."""
        words, at = self._turns.pop(turn, (0, 0.0))
        self.read_to = max(self.read_to, turn if words else 0)
        if not words or dwell_s is None or self._replaced(at, dwell_s):
            return False
        return self.estimate.add(words, dwell_s)

    def next_pace(self, pace_wpm: float, now: float) -> float | None:
        """The pace to set instead of `pace_wpm`, at most once a minute; None if it may stay."""
        learned = self.estimate.wpm
        if learned is None or now < self.changed_at + STEP_SECONDS or abs(learned / pace_wpm - 1.0) < STEP_MIN:
            return None
        self.changed_at = now
        # Whole numbers, never beyond a tenth: rounded towards the pace in force.
        if learned < pace_wpm:
            return float(ceil(max(learned, pace_wpm * (1.0 - STEP_MAX))))
        return float(floor(min(learned, pace_wpm * (1.0 + STEP_MAX))))

    def _replaced(self, at: float, dwell_s: float) -> bool:
        """Whether the reading ended just when the next turn came."""
        following = next((sent for sent in self._sent if sent > at), None)
        return following is not None and abs(following - at - dwell_s) <= REPLACED_SECONDS
