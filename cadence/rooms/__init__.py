"""The room server: order, durability and fan-out. It never knows that anyone is mediated.

Pure, with `now` as an argument: wire, room, roster, mentions, outbox, limiter, standing. Around them:

    gateway     the websocket's handshake and its frames; requests has a handler for each
    http        what can be read beside it
    identity    who a connection is: names, sessions; tokens of single persons
    hosting     what hosts ask over HTTP: making rooms, inviting to them, forgetting somebody
    hub         the rooms that are open: say, redact, who is connected; openroom fans out
    moderation  what a host may do to others: mute, kick, ban
    joining     entering a room, and what was missed; history, pages of it
    housekeeping   what is erased for its age, tokens that expire
    connection  one peer's outbox and tasks; sink, its way out
    log         what is kept
"""

from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since the epoch, UTC. Never goes back."""
