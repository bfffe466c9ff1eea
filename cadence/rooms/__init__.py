"""The room server: order, durability and fan-out. It never knows that anyone is mediated.

wire, room, roster, mentions, outbox, limiter, pages     pure: `now` is an argument
hub        rooms that are open: say, redact, presence, fan-out
joining    entering and leaving a room, and what was missed
identity   who a connection is: names, sessions, tokens
sink       one connection's way out; connection ties it to its outbox
requests   one handler per frame; gateway is the socket, http the rest
log        what is kept
"""

from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since the epoch, UTC. Never goes back."""
