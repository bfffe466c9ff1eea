"""Reads a room at a human pace and prints what Alex makes of it: python examples/reader.py ROOM WEBSOCKET CADENCE_S"""

import asyncio
import sys

from cadence.client import Client
from cadence.rooms.wire import Message, Turn, ViewPatch


async def main(room: str, url: str, cadence_s: str) -> None:
    async with Client(url, name="Reader", kind="human") as client:
        here = await client.join(room, view=ViewPatch(cadence_s=float(cadence_s)))
        async for event in here.events():
            if isinstance(event, Message):  # people are heard at once
                print(f"{event.from_.name}: {event.text}", flush=True)
            elif isinstance(event, Turn):
                for segment in event.segments:
                    names = [here.members[id].name if id in here.members else id for id in segment.speakers]
                    print(f"{', '.join(names)}: {segment.text} {list(segment.sources)}", flush=True)


asyncio.run(main(*sys.argv[1:]))
