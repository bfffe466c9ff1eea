"""Keeps every message of a room in a file, a JSON object a line; started again, it goes on where it stopped.

python examples/archive.py ROOM WEBSOCKET FILE
"""

import asyncio
import json
import sys
from typing import TextIO

from cadence.client import Client
from cadence.rooms.wire import After, Message, encode


async def main(room: str, url: str, file: TextIO) -> None:
    last = json.loads([*file][-1]) if file.seek(0, 2) and file.seek(0) == 0 else None
    async with Client(url) as client:
        here = await client.join(room, after=After(last["epoch"], last["seq"]) if last else None)
        async for event in here.events():
            if isinstance(event, Message):
                print(encode(event).decode(), file=file, flush=True)
                print("kept", event.seq, flush=True)
            else:
                print(event)  # taken back, or missed: the log is a new one, or it is too much


with open(sys.argv[3], "a+") as kept:
    asyncio.run(main(*sys.argv[1:3], kept))
