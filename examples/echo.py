"""An agent that answers whoever mentions it: python examples/echo.py ROOM WEBSOCKET"""

import asyncio
import sys

from cadence.client import Client


async def main(room: str, url: str) -> None:
    async with Client(url, name="Echo") as client:
        here = await client.join(room)
        async for message in here:
            if client.you.id in message.mentions:
                await here.say(f"{message.from_.name} said: {message.text}", reply_to=message.seq)


asyncio.run(main(*sys.argv[1:]))
