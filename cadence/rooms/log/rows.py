"""What every log must decide alike: the message a draft becomes, equality of content, what a redaction erases.

Pure. The two implementations differ in where they keep things, never in these answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256

import msgspec
from msgspec import UNSET

from cadence.rooms.log import Draft, HostAction, LogConflict, LogError, ReaderRecord
from cadence.rooms.wire import Author, Focus, Message, Turn, ViewPatch, to_iso

SALT_BYTES = 16
MARK_BYTES = 32
FORGOTTEN = "Forgotten"  # the name of everybody who is
SANCTIONS = ("mute", "kick", "ban")

Cited = tuple[str, int]  # (room, seq): a segment may come from another room than its turn


def fingerprint(salt: bytes, draft: Draft) -> bytes:
    """The salted sha256 of what a sender may not change when repeating an id.

    It outlives the text: the log can still tell a repeat from a conflict after a redaction, and the salt
    keeps short texts from being guessed out of a stolen file.
    """
    content = (draft.text, draft.parts, draft.reply_to, draft.pod, draft.spoken)
    return sha256(salt + msgspec.json.encode(content)).digest()


def to_message(draft: Draft, epoch: str, seq: int, at: float) -> Message:
    """`draft` as it stands in the log; `at` in seconds since the epoch, never before the room's last."""
    return Message(
        room=draft.room,
        epoch=epoch,
        seq=seq,
        id=draft.id,
        from_=draft.author,
        at=to_iso(at),
        text=draft.text,
        parts=draft.parts,
        reply_to=UNSET if draft.reply_to is None else draft.reply_to,
        pod=UNSET if draft.pod is None else draft.pod,
        spoken=draft.spoken,
        mentions=draft.mentions,
    )


def next_record(record: ReaderRecord | None, user: str, turn: Turn, carried: bytes | None = None) -> ReaderRecord:
    """The reader after `turn`; raises `LogConflict` unless it is the one after the last (law 1)."""
    record = record or ReaderRecord()
    if turn.turn != record.turn + 1:
        raise LogConflict(
            f"expected turn {record.turn + 1} of `{user}` in room `{turn.room}`, got turn {turn.turn}:"
            " read the reader's record again before making turns"
        )
    covered_to = record.covered_to if turn.covers is None else max(record.covered_to, turn.covers.to)
    carried = record.carried if carried is None else carried
    return replace(record, turn=turn.turn, covered_to=covered_to, carried=carried)


def is_repeat(turn: Turn, stored: Sequence[Turn]) -> bool:
    """Whether `turn` is among those that are stored: its writer tries again, as the answer was lost.

    What a redaction has taken out of it meanwhile makes it no other turn.
    """
    return any(
        (one.turn, one.at, one.mode, one.covers) == (turn.turn, turn.at, turn.mode, turn.covers) for one in stored
    )


def cited(turn: Turn) -> set[Cited]:
    """Every message a redaction of which must reach into `turn`."""
    return {(turn.room_of(segment), seq) for segment in turn.segments for seq in segment.sources}


def renamed_message(message: Message, user: str, alias: str) -> Message:
    """`message` with `alias` where `user` stood: as its author, then under an id of ours too, or as one it mentions."""
    mentions = tuple(alias if one == user else one for one in message.mentions)
    if message.from_.id != user:
        return msgspec.structs.replace(message, mentions=mentions)
    author = Author(alias, FORGOTTEN, message.from_.kind)
    return msgspec.structs.replace(message, from_=author, id=f"forgotten-{message.seq}", mentions=mentions)


def renamed_turn(turn: Turn, user: str, alias: str) -> Turn:
    """`turn` with `alias` where `user` stood among the speakers."""
    if not any(user in segment.speakers for segment in turn.segments):
        return turn
    segments = (
        msgspec.structs.replace(segment, speakers=tuple(alias if one == user else one for one in segment.speakers))
        for segment in turn.segments
    )
    return msgspec.structs.replace(turn, segments=tuple(segments))


def renamed_patch(patch: ViewPatch, user: str) -> ViewPatch:
    """`patch` that follows `user` no longer: nobody of that id will speak again."""
    if not isinstance(patch.focus, Focus) or user not in patch.focus.follow:
        return patch
    follow = tuple(one for one in patch.focus.follow if one != user)
    return msgspec.structs.replace(patch, focus=msgspec.structs.replace(patch.focus, follow=follow))


def standing_actions(actions: Iterable[HostAction], now: float) -> list[HostAction]:
    """Of a room's audit log, ascending, what holds at `now`: the last mute, kick and ban of each user, if not over."""
    last: dict[tuple[str, str], HostAction] = {}
    for action in actions:
        if action.what in SANCTIONS:
            last.pop((action.whom, action.what), None)
            last[action.whom, action.what] = action
    return [action for action in last.values() if action.until is None or action.until > now]


def conflict(draft: Draft) -> LogConflict:
    """The same id with other content."""
    return LogConflict(
        f"expected the content first said as `{draft.id}` by `{draft.author.id}` in room `{draft.room}`,"
        " got another: say new content under a new id"
    )


def unknown_room(room: str) -> LogError:
    """A write to a room that has no log."""
    return LogError(f"expected a room that was opened, got `{room}`: call `open_room` first")
