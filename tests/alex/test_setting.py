"""Views as they are set through the driver."""

from __future__ import annotations

import pytest

from cadence.rooms.wire import View, ViewPatch, ViewRequest, WireError
from tests.alex.house import ADA, BOB, HOST, house


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
