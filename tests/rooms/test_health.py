from __future__ import annotations

import asyncio
from typing import Any

from cadence.rooms.health import READY_SECONDS, Metrics
from cadence.rooms.http import create_api
from tests.asgi import Answer, fetch
from tests.rooms.house import HOST_TOKEN, House, settle

FIGURES = Metrics(lambda: b"cadence_rooms 2.0\n", "text/plain; version=0.0.4", open=True)


async def get(house: House, target: str, token: str | None = None, metrics: Metrics | None = FIGURES) -> Answer:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return await fetch(create_api(house.hub, house.identity, "1", metrics), "GET", target, **headers)


async def test_a_server_with_rooms_and_a_log_is_ready() -> None:
    house = await House().start()
    assert [(await get(house, target)).status for target in ("/livez", "/readyz")] == [200, 200]


async def test_a_server_without_rooms_or_on_its_way_out_is_alive_and_not_ready() -> None:
    house = House()
    assert [(await get(house, target)).status for target in ("/livez", "/readyz")] == [200, 503]
    await house.start()
    await house.hub.drain(1.0)
    assert [(await get(house, target)).status for target in ("/livez", "/readyz")] == [200, 503]


async def test_readiness_asks_the_log_at_most_once_a_second() -> None:
    house = await House().start()
    asked = 0
    messages = house.log.messages

    async def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal asked
        asked += 1
        await settle(0.1)
        return await messages(*args, **kwargs)

    house.log.messages = counted  # type: ignore[method-assign]
    api = create_api(house.hub, house.identity, "1")
    answers = await asyncio.gather(*(fetch(api, "GET", "/readyz") for _ in range(50)))
    assert {answer.status for answer in answers} == {200} and asked == 1
    await settle(READY_SECONDS)
    await house.log.close()
    assert [(await fetch(api, "GET", "/readyz")).status for _ in range(3)] == [503] * 3 and asked == 2


async def test_on_open_loopback_anybody_reads_the_figures() -> None:
    answer = await get(await House().start(), "/metrics")
    assert (answer.status, answer.body) == (200, b"cadence_rooms 2.0\n")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


async def test_elsewhere_figures_need_a_hosts_token() -> None:
    closed = Metrics(FIGURES.write, FIGURES.media_type, open=False)
    for house in (await House().start(), await House(open=False).start()):
        assert (await get(house, "/metrics", None, closed)).status == 401
        assert (await get(house, "/metrics", "wrong", closed)).status == 401
        assert (await get(house, "/metrics", HOST_TOKEN, closed)).status == 200
        assert (await get(house, "/metrics", HOST_TOKEN, None)).status == 503
    guest = await house.client(token=house.identity.persona_token("vera", "Vera"))
    assert (await get(house, "/metrics", guest.session, closed)).status == 403
