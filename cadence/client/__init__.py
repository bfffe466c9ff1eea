"""A client of any Cadence server: typed, asynchronous, and there for as long as you are.

    async with Client("ws://127.0.0.1:8765/ws", name="Echo") as client:
        room = await client.join("commons")
        async for message in room:
            if client.you.id in message.mentions:
                await room.say(f"You said: {message.text}", reply_to=message.seq)

It reconnects and resumes, takes each message once and in order, says again what was not acknowledged, and neither
loses nor hoards what its user is too slow for. `docs/agents.md` is the guide.

    link      who we are, how far we have come, when to try again       pure
    inbox     what came and was not taken yet                           pure
    saying    what was said and is not durable yet                      pure
    room      one room
    client    the connection
"""

from __future__ import annotations

from cadence.client.client import Client
from cadence.client.inbox import Item, Missed
from cadence.client.link import Refused
from cadence.client.room import Cut, Room

__all__ = ["Client", "Cut", "Item", "Missed", "Refused", "Room"]
