"""The room of FastAPI's documentation: a list of sockets, and a loop that awaits each. `... PORT`."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
sockets: list[WebSocket] = []


@app.websocket("/ws")
async def room(websocket: WebSocket) -> None:
    await websocket.accept()
    sockets.append(websocket)
    try:
        while True:
            text = await websocket.receive_text()
            for each in sockets:
                await each.send_text(text)
    except WebSocketDisconnect:
        sockets.remove(websocket)


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error", ws="websockets-sansio", ws_per_message_deflate=False)
