"""Frames nobody would send: lawful ones of every type, bent by a seeded chance. The same seed gives the same frames."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from random import Random
from typing import Any

Frame = dict[str, Any]

ROOM = "hall"
HOSTILE: Sequence[Any] = (
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**64, -(2**63), 1e308, -0.0, 0.1,
    "", " ", "\x00", "\ud800", "\u202e", "a" * 65, "a" * 5000, "é" * 200, "\U0001f9ff" * 70,
    "../../etc", "'; DROP TABLE messages; --", "%s%n", "{{7*7}}", "NaN", "lab\n", "HALL", "alex", "host", "hall",
    [], {}, [[]], [None], ["x"] * 300, {"": ""}, {"type": "say"}, [[[[[[[[1]]]]]]]],
)  # fmt: skip
PIECES: Sequence[bytes] = (
    b"", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"null", b"1e999", b"NaN", b"-Infinity", b"\\ud800",
    b"\\u0000", b"\xff\xfe", b"\xef\xbb\xbf", b"\x00", b'"type":"say",', b'"room":"hall",', b"[" * 600, b"/*", b"0x1",
    b"01", b"\xc0\xaf",
)  # fmt: skip
TWISTS_MAX = 4
KEYS_SEEN = (
    "type ref room id text parts reply_to pod spoken after epoch seq turn view mode cadence_s pace_wpm sigma focus "
    "follow interests whisper auto participant lock what since speaker words stream before seqs limit dwell_s for_s "
    "kind name token resume client"
).split()


def lawful(chance: Random, people: Sequence[str]) -> Frame:
    """A frame that a client may send; `people` are ids of those who may be there."""
    who = chance.choice([*people, "nobody"])
    seq, ident, for_s = chance.choice((0, 1, 2, 5, 40, 1000)), f"{chance.getrandbits(40):x}", chance.choice((0, 1))
    code = {"kind": "code", "body": "x = 1", "lang": "py"}
    follow = {"follow": [who], "x": 1.0, "y": 2}
    frames: Sequence[Frame] = (
        {"type": "hello", "kind": "human", "name": "Ada"},
        {"type": "join", "room": ROOM},
        {"type": "join", "room": ROOM, "after": {"epoch": "epoch-1", "seq": seq, "turn": 1}, "view": {"mode": "raw"}},
        {"type": "leave", "room": ROOM},
        {"type": "say", "room": ROOM, "id": ident, "text": "The *probe* @Ada measures `the hill`."},
        {"type": "say", "room": ROOM, "id": "i", "text": "", "parts": [code]},
        {"type": "say", "room": ROOM, "id": "j", "text": "no", "reply_to": seq, "pod": "bench", "spoken": True},
        {"type": "view", "room": ROOM, "mode": chance.choice(("raw", "paced", "paraphrase")), "cadence_s": 2},
        {"type": "view", "room": ROOM, "focus": follow, "interests": ["hill"], "sigma": 0.5},
        {"type": "view", "room": ROOM, "participant": who, "lock": ["cadence_s"], "pace_wpm": 60},
        {"type": "read", "room": ROOM, "turn": 1, "dwell_s": 3.0},
        {"type": "ask", "room": ROOM, "what": chance.choice(("catch_up", "room")), "since": seq, "words": 50},
        {"type": "ask", "room": ROOM, "what": "speaker", "speaker": who},
        {"type": "ask", "room": ROOM, "what": "question", "text": "What of the hill?"},
        {"type": "history", "room": ROOM, "stream": "raw", "before": seq, "limit": 3},
        {"type": "history", "room": ROOM, "stream": "turns", "after": 0, "participant": who},
        {"type": "history", "room": ROOM, "stream": "raw", "seqs": [1, 2, seq]},
        {"type": "typing", "room": ROOM},
        {"type": "redact", "room": ROOM, "seq": seq},
        {"type": chance.choice(("mute", "kick", "ban")), "room": ROOM, "participant": who, "for_s": for_s},
        {"type": "ping"},
    )  # fmt: skip
    return (
        {"ref": f"{chance.getrandbits(16)}", **chance.choice(frames)}
        if chance.random() < 0.7
        else chance.choice(frames)
    )


def bent(chance: Random, people: Sequence[str] = ()) -> bytes:
    """A frame with up to `TWISTS_MAX` of its values, keys or bytes changed; one in ten is lawful as it is."""
    frame = lawful(chance, people)
    twists = 0 if chance.random() < 0.1 else chance.randint(1, TWISTS_MAX)
    on_bytes = chance.randint(0, twists) if chance.random() < 0.5 else 0
    for _ in range(twists - on_bytes):
        twist(chance, frame)
    data = bytearray(json.dumps(frame, ensure_ascii=chance.random() < 0.8).encode("utf-8", "replace"))
    for _ in range(on_bytes):
        _spoil(chance, data)
    return bytes(data)


def twist(chance: Random, frame: Frame) -> None:
    """Change one value or key somewhere in the frame."""
    holder: Any = frame
    while True:
        keys: list[Any] = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            break
        key = chance.choice(keys)
        inner = holder[key]
        if isinstance(inner, dict | list) and inner and chance.random() < 0.7:
            holder = inner
            continue
        way = chance.random()
        if way < 0.55:
            holder[key] = deepcopy(chance.choice(HOSTILE))
        elif way < 0.7 and isinstance(holder, dict):
            del holder[key]
        elif way < 0.85 and isinstance(holder, dict):
            holder[chance.choice(KEYS_SEEN)] = holder.pop(key)
        else:
            holder[key] = [inner] if chance.random() < 0.5 else {"type": inner}
        return
    frame[chance.choice(KEYS_SEEN)] = deepcopy(chance.choice(HOSTILE))


def _spoil(chance: Random, data: bytearray) -> None:
    """Replace, remove, double or put in some bytes."""
    at = chance.randrange(len(data) + 1)
    to = min(len(data), at + chance.choice((0, 1, 1, 1, 4, 40)))
    data[at:to] = chance.choice((b"", bytes(data[at:to]) * 2, bytes([chance.randrange(256)]), chance.choice(PIECES)))
