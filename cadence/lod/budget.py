"""How much a reader can take in: a token bucket in words, and the bound on human speech.

Pure: `now` is seconds since the epoch and never runs backwards here, whatever the caller's clock does.
"""

from __future__ import annotations

SHARE = 0.7  # of the reading pace: people also type and think
CREDIT_LOOKS = 2.0  # the bucket holds what is read in so many looks
CREDIT_WORDS_MIN = 40.0  # but at least this
TURN_WORDS_LEAST = 6.0
TURN_WORDS_MOST = 12.0
SPEECH_SECONDS = 60.0
SPEECH_WORDS_MIN = 240.0
SPEECH_ENTRIES_MAX = 1_024


def words_per_second(pace_wpm: float) -> float:
    """The rate of a budget, from a reading pace in words per minute."""
    return pace_wpm / 60.0 * SHARE


def credit_words_max(rate: float, cadence_s: float) -> float:
    """How many words of credit a reader can save up."""
    return max(CREDIT_LOOKS * rate * cadence_s, CREDIT_WORDS_MIN)


def turn_words_min(rate: float, cadence_s: float) -> float:
    """The least credit worth a turn: one look's reading, but 6 to 12 words."""
    return min(max(rate * cadence_s, TURN_WORDS_LEAST), TURN_WORDS_MOST)


def speech_words_max(rate: float) -> float:
    """How many words other humans may write in a minute before their speech joins the digest."""
    return max(SPEECH_SECONDS * rate, SPEECH_WORDS_MIN)


class Bucket:
    """Words a reader may be shown. Starts full; may go into debt; never holds more than `credit_max`."""

    def __init__(self, pace_wpm: float, cadence_s: float, now: float) -> None:
        self.rate = words_per_second(pace_wpm)
        self.credit_max = credit_words_max(self.rate, cadence_s)
        self.credit = self.credit_max
        self._at = now

    def advance(self, now: float) -> None:
        """Let credit grow up to `now`."""
        if now > self._at:
            self.credit = min(self.credit_max, self.credit + (now - self._at) * self.rate)
            self._at = now

    def credit_at(self, then: float) -> float:
        """What the credit will be at `then`, if nothing is spent until then."""
        return min(self.credit_max, self.credit + max(0.0, then - self._at) * self.rate)

    def spend(self, words: float) -> None:
        """Charge what was shown; the last thing shown may leave a debt."""
        self.credit -= words

    def configure(self, pace_wpm: float, cadence_s: float, now: float) -> None:
        """Change pace and cadence from `now` on; credit above the new maximum is lost."""
        self.advance(now)
        self.rate = words_per_second(pace_wpm)
        self.credit_max = credit_words_max(self.rate, cadence_s)
        self.credit = min(self.credit, self.credit_max)

    def settle(self) -> None:
        """Something was read outside the bucket: what was saved is used up, a debt stays."""
        self.credit = min(self.credit, 0.0)


class SpeechWindow:
    """Words that other humans wrote in the last minute."""

    def __init__(self) -> None:
        self._said: list[tuple[float, int]] = []
        self._words = 0

    def add(self, at: float, words: int) -> None:
        """Note a message. Times never decrease."""
        self._said.append((at, words))
        self._words += words
        self._expire(at)
        if len(self._said) > SPEECH_ENTRIES_MAX:  # in such a crowd the two oldest may expire together
            (_, first), (later, second) = self._said[:2]
            self._said[:2] = [(later, first + second)]

    def words(self, now: float) -> int:
        """The words said in the 60 seconds before `now`."""
        self._expire(now)
        return self._words

    def _expire(self, now: float) -> None:
        while self._said and self._said[0][0] <= now - SPEECH_SECONDS:
            self._words -= self._said.pop(0)[1]
