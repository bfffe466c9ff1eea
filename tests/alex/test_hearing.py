"""Who hears what at once, and that who hears it later hears the same."""

from __future__ import annotations

from typing import Any

import pytest

from cadence.alex.events import Heard
from cadence.alex.feed import FEED_MESSAGES_MAX
from cadence.alex.mediator import Mediator
from cadence.rooms.wire import Message, Turn, ViewPatch
from tests.alex.house import ADA, BOB, House, house, wait
from tests.alex.talk import line


def mediator(lab: House, user: str = "ada") -> Mediator:
    found = lab.driver._rooms["lab"].readers[user].mediator
    assert found is not None
    return found


async def test_human_speech_goes_out_at_once() -> None:
    async with house() as lab:
        await lab.attach()
        said = await lab.say("hello", "bob", "human")
        assert lab.frames() == [said]


async def test_human_speech_beyond_the_bound_is_postponed_durably() -> None:
    async with house() as lab:
        await lab.attach()
        for _ in range(15):
            await lab.say("word " * 20, "bob", "human")
        await wait(1)
        assert await lab.store.postponed("lab", "ada", 0) == [14, 15]


async def test_who_plans_to_look_anyway_hears_an_ai_only_then() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.say()
        await wait(0.1)
        feed, ada = lab.driver._rooms["lab"].feed, mediator(lab)
        assert ada.attentive and ada.heard == feed.end == 1
        await lab.say()
        await lab.say()
        assert (ada.heard, feed.end) == (1, 3)
        await wait(10)
        assert ada.heard == 3
        assert [covers and covers.to for covers in (turn.covers for turn in lab.turns())] == [3]


async def test_who_sleeps_or_reads_raw_hears_at_once() -> None:
    async with house() as lab:
        await lab.attach(ADA)
        await lab.attach(BOB, patch=ViewPatch(mode="raw"))
        said = [await lab.say() for _ in range(3)]
        assert [frame for frame in lab.frames("bob") if isinstance(frame, Message)] == said
        assert mediator(lab, "bob").heard == 3
        await wait(60)  # all was shown, and nobody plans to look
        assert not mediator(lab).attentive
        await lab.say()
        assert mediator(lab).heard == 4 and mediator(lab).deadline() is not None


@pytest.mark.parametrize("mode", ["paraphrase", "paced"])
async def test_who_hears_much_at_once_is_shown_what_who_hears_it_one_by_one_is(mode: Any) -> None:
    shown: list[list[Turn]] = []
    for one_by_one in (False, True):
        async with house() as lab:
            await lab.attach(patch=ViewPatch(mode=mode))
            for number in range(150):
                more = {"mentions": ("ada",)} if number == 70 else {"reply_to": number} if number % 9 == 5 else {}
                text = "No, that is wrong." if number % 18 == 5 else line(number)
                await lab.say(text, "abc"[number % 3], **more)
                if one_by_one:
                    lab.driver._delivery.feed(lab.driver._rooms["lab"].readers["ada"], Heard())
                await wait(0.3)
            await wait(90)
            shown.append(lab.turns())
    told = [[(turn.words, turn.covers and turn.covers.to, turn.segments) for turn in turns] for turns in shown]
    assert told[0] == told[1] and len(told[0]) > 9


async def test_who_is_mentioned_hears_at_once() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.say()
        await wait(0.1)
        await lab.say("Ada, what would you say?", mentions=("ada",))
        assert mediator(lab).heard == 2


async def test_what_was_redacted_before_it_was_heard_is_shown_to_nobody() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.say("The keys are under the mat.")
        await wait(0.1)
        gone = await lab.say("The safe opens with 1234.")
        await lab.store.redact("lab", gone.seq)
        lab.driver.redacted("lab", gone.seq)
        assert not lab.driver._rooms["lab"].feed.after(mediator(lab).heard)[0]
        await wait(20)
        assert [segment.text for turn in lab.turns() for segment in turn.segments] == ["The keys are under the mat."]


async def test_the_feed_is_bounded_whoever_does_not_look() -> None:
    async with house(ViewPatch(cadence_s=30.0)) as lab:
        await lab.attach()
        await lab.say()
        await wait(0.1)
        for _ in range(FEED_MESSAGES_MAX + 10):
            await lab.say()
        feed = lab.driver._rooms["lab"].feed
        assert len(feed._said) < FEED_MESSAGES_MAX
        await wait(40)
        assert [turn.covers and turn.covers.to for turn in lab.turns()][0] == FEED_MESSAGES_MAX + 11
