"""What turns say: law 7 (attribution), law 8 (verbatim), law 10 (a unit at most once), `turn.words`."""

from __future__ import annotations

from collections import defaultdict
from itertools import accumulate
from operator import itemgetter

from tests.checks import words
from tests.checks.record import Log, Reading
from tests.stranger import Frame

Span = tuple[int, int]
LABEL_CHARACTERS_MAX = 200
SMALL_BLOCK_WORDS = 15
TRIES_MAX = 20_000


def turn_text(reading: Reading, log: Log) -> list[str]:
    """Laws 7 and 8 and the words of every turn received."""
    found: list[str] = []
    for number, seen in sorted(reading.whole.items()):
        turn = seen.frame
        label = f"{reading.who}, turn {number}"
        gone = any(segment.get("redacted") for segment in turn["segments"])
        if not gone and turn["words"] != words.of_turn(turn):
            found.append(f"words: {label} says {turn['words']}, counted {words.of_turn(turn)}: {turn['segments']}")
        for position, segment in enumerate(turn["segments"]):
            found += [f"{what} [{label}, segment {position}: {segment}]" for what in segment_text(segment, turn, log)]
    return found


def segment_text(segment: Frame, turn: Frame, log: Log) -> list[str]:
    """What is wrong with one segment; one of another room cites the messages of that."""
    found: list[str] = []
    sources = segment["sources"]
    elsewhere = segment.get("room", log.room) != log.room
    if elsewhere:
        if segment["room"] not in log.others or segment["kind"] not in ("ambient", "whisper"):
            return [f"law 7: of another room, {segment['room']}"]
        log = log.others[segment["room"]]
    if not sources or any(seq not in log.messages for seq in sources):
        return [f"law 7: sources {sources} are not in the log"]
    if turn["covers"] is not None and not elsewhere and max(sources) > turn["covers"]["to"]:
        found.append(f"law 7: sources {sources} lie after covers.to {turn['covers']['to']}")
    if {log.author(seq) for seq in sources} != set(segment["speakers"]):
        found.append(f"law 7: the authors of {sources} are {[log.author(seq) for seq in sources]}")
    if not 0 <= segment["weight"] <= 1:
        found.append("law 7: weight outside 0..1")
    if segment.get("redacted"):
        return found + (["rule 8: a redacted segment keeps text"] if segment["text"] or "part" in segment else [])
    match segment["kind"]:
        case "verbatim":
            found += _verbatim(segment, log)
        case "quote" | "ambient" if _place_quote(segment, log) is None:
            found.append("law 7: the quote is not made of pieces of its sources, in order")
        case "quote" | "ambient" if len(segment["speakers"]) != 1:
            found.append("law 7: a quote has one speaker")
        case "paraphrase":
            found += unnamed(segment, log)
    return found


def unnamed(segment: Frame, log: Log) -> list[str]:
    """The authors whom prose does not name."""
    names = {log.messages[seq]["from"]["name"] for seq in segment["sources"]}
    missing = [name for name in sorted(names) if name.casefold() not in segment["text"].casefold()]
    return [f"law 7: {name} is not named in {segment['text']!r}" for name in missing]


def _verbatim(segment: Frame, log: Log) -> list[str]:
    if len(segment["sources"]) != 1:
        return ["law 8: a verbatim segment has one source"]
    message = log.messages[segment["sources"][0]]
    if "part" not in segment:
        return [] if segment["text"] == message["text"] else ["law 8: not the text of its message, byte for byte"]
    part = segment["part"]
    if part["seq"] != message["seq"]:
        return ["law 8: `part.seq` is not its source"]
    parts = message.get("parts", [])
    index = part["index"]
    if index < len(parts):
        body = parts[index]["body"]
        same = [parts[index].get(key) == part.get(key) for key in ("kind", "lang", "name")]
    else:
        blocks = words.code_blocks(message["text"])
        if index - len(parts) >= len(blocks):
            return [f"law 8: no block {index} in seq {message['seq']}"]
        body = _as_hashed(blocks[index - len(parts)], message["text"], part["sha256"])
        same = [part["kind"] == "code"]
    found = [] if all(same) else ["law 8: kind, lang or name differ from the block"]
    if part["sha256"] != words.sha256(body):
        found.append(f"law 8: sha256 is not that of {body[:60]!r}")
    if abs(part["lines"] - len(body.splitlines())) > 0:
        found.append(f"law 8: {part['lines']} lines, counted {len(body.splitlines())}")
    if not part["folded"] and segment["text"] != body:
        found.append("law 8: an unfolded block is not byte-identical")
    if part["folded"] and (len(segment["text"]) > LABEL_CHARACTERS_MAX or words.count(body) <= SMALL_BLOCK_WORDS):
        found.append("law 8: a small block is folded, or its label is not short")
    return found


def _as_hashed(block: str, text: str, sha256: str) -> str:
    """The protocol does not say whether the line end after a fence belongs to the block: take either."""
    start = text.find(block)
    for end in ("", "\n", "\r\n"):
        if text.startswith(block + end, start) and words.sha256(block + end) == sha256:
            return block + end
    return block


# Where the pieces of a quote stand in their sources.


def _pieces(segment: Frame) -> list[str]:
    return [words.collapse(piece) for piece in segment["text"].split(words.CUT)]


def _spans(piece: str, message: Frame) -> list[Span]:
    """Every place in the message where the piece stands: in collapsed characters, or in words when spoken."""
    if message.get("spoken"):
        return _spoken_spans(piece, message["text"])
    text = words.collapse(message["text"])
    spans: list[Span] = []
    start = text.find(piece) if piece else -1
    while start >= 0:
        spans.append((start, start + len(piece)))
        start = text.find(piece, start + 1)
    return spans


def _spoken_spans(piece: str, text: str) -> list[Span]:
    """For transcribed speech the piece's words are a subsequence of the source's; a word may join two ("That 's")."""
    source = words.bare(text)
    wanted = ["".join(words.bare(word)) for word in piece.split()]
    wanted = [word for word in wanted if word]
    if not wanted:
        return [(0, 0)] if piece else []
    ends = ((start, _subsequence(wanted, source, start)) for start in range(len(source)))
    return [(start, end) for start, end in ends if end is not None]


def _subsequence(wanted: list[str], source: list[str], start: int) -> int | None:
    """The end of the shortest stretch from `source[start]` on in which the wanted words stand in order."""
    letters = "".join(wanted)
    between = {0, *accumulate(len(word) for word in wanted)}  # here words of the source may be passed over
    reached = {0}
    for at in range(start, len(source)):
        grown = {done + len(source[at]) for done in reached if letters.startswith(source[at], done)}
        reached = grown | (reached & between if at > start else set())
        if len(letters) in reached:
            return at + 1
        if not reached:
            return None
    return None


def quote_stands(segment: Frame, log: Log) -> bool:
    """Whether the text is made of pieces of the sources, in order, and uses each of them."""
    return _place_quote(segment, log) is not None


def _place_quote(segment: Frame, log: Log) -> list[tuple[int, Span]] | None:
    """(seq, span) of each piece such that they stand in source order and use every source; None if they cannot."""
    pieces = _pieces(segment)
    sources = sorted(segment["sources"])
    tries = 0

    def place(piece: int, at: int, position: int, used: bool) -> list[tuple[int, Span]] | None:
        nonlocal tries
        tries += 1
        if piece == len(pieces):
            return [] if used and at == len(sources) - 1 else None
        if at >= len(sources) or tries > TRIES_MAX:
            return None
        free = [span for span in _spans(pieces[piece], log.messages[sources[at]]) if span[0] >= position]
        span = min(free, key=itemgetter(1), default=None)
        if span is not None:
            rest = place(piece + 1, at, span[1], True)
            if rest is not None:
                return [(sources[at], span), *rest]
        return place(piece, at + 1, 0, False) if used else None

    return place(0, 0, 0, False)


# Law 10.


def once(reading: Reading, log: Log) -> list[str]:
    """No text of a message is shown twice to a reader."""
    found: list[str] = []
    whole: dict[int, int] = {}
    parts: dict[tuple[int, int], int] = {}
    pieces: dict[int, list[list[Span]]] = defaultdict(list)
    for number, seen in sorted(reading.turns.items()):
        for segment in seen.frame["segments"]:
            if segment.get("redacted"):
                continue
            first = segment["sources"][0]
            label = f"law 10: {reading.who}, turn {number} shows"
            if segment["kind"] == "verbatim" and "part" in segment:
                key = (first, segment["part"]["index"])
                if key in parts or first in whole and key[1] >= len(log.messages[first].get("parts", ())):
                    found.append(f"{label} block {key} again")
                parts[key] = number
            elif segment["kind"] == "verbatim":
                if first in whole or pieces[first]:
                    found.append(f"{label} seq {first} whole, after it was shown")
                whole[first] = number
            elif segment["kind"] in ("quote", "ambient"):
                for seq, choices in _choices(segment, log):
                    if seq in whole:
                        found.append(f"{label} a piece of seq {seq}, shown whole in turn {whole[seq]}")
                    pieces[seq].append(choices)
    for seq, choices_of in pieces.items():
        if not _disjoint(choices_of):
            found.append(f"law 10: {reading.who} was shown a piece of seq {seq} twice: {log.messages[seq]['text']!r}")
    return found + _both_ways(reading, log)


def _both_ways(reading: Reading, log: Log) -> list[str]:
    """What came as `message` is not shown in a turn as well."""
    found: list[str] = []
    for number, seen in sorted(reading.turns.items()):
        for segment in seen.frame["segments"]:
            if segment["kind"] == "answer":  # who asks what was said may hear what they were told
                continue
            for seq in segment["sources"]:
                got = reading.messages.get(seq)
                if got is not None and got.at < seen.at and log.kind(seq) == "human" and got.at < log.at(seq) + 1:
                    found.append(f"law 10: {reading.who} got the human seq {seq} as a message and in turn {number}")
    return found


def _choices(segment: Frame, log: Log) -> list[tuple[int, list[Span]]]:
    """Where each piece of a quote can stand; pieces that may come from either of two sources are left out."""
    placed = _place_quote(segment, log) or []
    found: list[tuple[int, list[Span]]] = []
    for (seq, _), piece in zip(placed, _pieces(segment), strict=False):
        spans = {source: _spans(piece, log.messages[source]) for source in segment["sources"]}
        if sum(bool(places) for places in spans.values()) == 1:
            found.append((seq, spans[seq]))
    return found


def _disjoint(choices_of: list[list[Span]]) -> bool:
    """Whether each piece can stand in a place of its own."""
    order = sorted((choices for choices in choices_of if (0, 0) not in choices), key=len)
    tries = 0

    def place(index: int, taken: list[Span]) -> bool:
        nonlocal tries
        tries += 1
        if index == len(order) or tries > TRIES_MAX:
            return True
        return any(
            place(index + 1, [*taken, span])
            for span in order[index]
            if all(span[1] <= start or end <= span[0] for start, end in taken)
        )

    return place(0, [])
