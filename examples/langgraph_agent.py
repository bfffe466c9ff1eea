"""A LangGraph agent in a room; put a model where `think` is: python examples/langgraph_agent.py ROOM WEBSOCKET"""

import asyncio
import sys
from typing import TypedDict

from langgraph.graph import END, START, StateGraph

from cadence.client import Client


class State(TypedDict):
    heard: str
    answer: str


def think(state: State) -> dict[str, str]:
    return {"answer": f"I heard {len(state['heard'].split())} words."}


async def main(room: str, url: str) -> None:
    graph = StateGraph(State).add_node("think", think).add_edge(START, "think").add_edge("think", END).compile()
    async with Client(url, name="Graph") as client:
        here = await client.join(room)
        async for message in here:
            if client.you.id in message.mentions:
                state = await graph.ainvoke({"heard": message.text, "answer": ""})
                await here.say(state["answer"], reply_to=message.seq)


asyncio.run(main(*sys.argv[1:]))
