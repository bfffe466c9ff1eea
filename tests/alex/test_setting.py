"""Views as they are set through the driver."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cadence.rooms.log import LogUnavailable
from cadence.rooms.wire import Message, View, ViewPatch, ViewRequest, WireError
from tests.alex.house import ADA, BOB, HOST, house, wait


async def test_a_view_is_answered_stored_and_in_force() -> None:
    async with house() as lab:
        await lab.attach()
        reply = await lab.driver.set_view(ADA, ViewRequest(room="lab", cadence_s=12.0))
        assert reply.view == View(cadence_s=12.0) and reply.set_by == "ada"
        stored = await lab.store.reader("lab", "ada")
        assert stored is not None and stored.patch == ViewPatch(cadence_s=12.0)


async def test_a_host_narrows_one_reader_and_only_that_one() -> None:
    async with house() as lab:
        await lab.attach(ADA)
        await lab.attach(BOB)
        request = ViewRequest(room="lab", participant="ada", cadence_s=30.0, lock=("cadence_s",))
        reply = await lab.driver.set_view(HOST, request)
        assert (reply.participant, reply.locked, reply.set_by) == ("ada", ("cadence_s",), "host")
        with pytest.raises(WireError, match="locked"):
            await lab.driver.set_view(ADA, ViewRequest(room="lab", cadence_s=1.0))
        assert (await lab.driver.set_view(BOB, ViewRequest(room="lab"))).view == View()


async def test_the_view_of_nobody_is_not_found() -> None:
    async with house() as lab:
        with pytest.raises(WireError) as caught:
            await lab.driver.set_view(HOST, ViewRequest(room="lab", participant="nobody", cadence_s=9.0))
        assert caught.value.code == "not_found"


async def test_a_change_to_raw_closes_the_range_and_passes_what_follows() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.say()
        await lab.driver.set_view(ADA, ViewRequest(room="lab", mode="raw"))
        said = await lab.say()
        assert lab.turns()[0].covers and lab.turns()[0].covers.to == 1
        assert lab.frames()[-1] == said
        stored = await lab.store.reader("lab", "ada")
        assert stored is not None and stored.raw_from == 2


@pytest.mark.parametrize("request_", [ViewRequest(room="lab", mode="raw"), ViewRequest(room="lab", pace_wpm=600.0)])
async def test_what_cannot_be_kept_is_refused_and_not_in_force(request_: ViewRequest) -> None:
    async with house() as lab:
        await lab.attach()
        lab.store.available = False
        with pytest.raises(LogUnavailable):
            await lab.driver.set_view(ADA, request_)
        lab.store.available = True
        await lab.say()
        assert not any(isinstance(frame, Message) for frame in lab.frames())
        assert (await lab.driver.set_view(ADA, ViewRequest(room="lab"))).view == View()
        await wait(10.0)
        assert lab.turns()[-1].covers and lab.turns()[-1].covers.to == 1


async def test_what_was_refused_because_an_answer_was_lost_does_not_come_back_with_the_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with house() as lab:
        await lab.attach()
        save, answers = lab.store.save_reader, [False, True, False]

        async def lossy(*args: Any) -> None:
            await save(*args)
            if answers and not answers.pop():
                raise LogUnavailable("the connection broke")

        monkeypatch.setattr(lab.store, "save_reader", lossy)
        with pytest.raises(LogUnavailable):
            await lab.driver.set_view(ADA, ViewRequest(room="lab", mode="raw"))
        await wait(3.0)
        stored = await lab.store.reader("lab", "ada")
        assert stored is not None and stored.patch == ViewPatch()


async def test_what_is_said_while_a_change_to_raw_is_being_stored_comes_as_a_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with house() as lab:
        await lab.attach()
        await lab.say()
        append = lab.store.append_turn

        async def slow(*args: Any) -> None:
            await wait(1.0)
            await append(*args)

        monkeypatch.setattr(lab.store, "append_turn", slow)
        joining = asyncio.create_task(lab.attach(patch=ViewPatch(mode="raw")))
        await wait(0.5)
        said = await lab.say()
        await joining
        assert [frame.seq for frame in lab.frames() if isinstance(frame, Message)] == [said.seq]
