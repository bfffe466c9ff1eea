from tests.rooms.house import House


async def test_two_agents_talk() -> None:
    house = await House().start()
    ann = await house.member("Ann")
    bob = await house.member("Bob")
    assert (await ann.say("hello @Bob"))["seq"] == 1
    message = await bob.until("message")
    assert message["from"] == {"id": ann.id, "name": "Ann", "kind": "agent"}
    assert message["mentions"] == [bob.id]
    assert (await ann.until("message"))["seq"] == 1
    await ann.channel.cut()
    assert (await bob.until("presence"))["left"] == [ann.id]
    await bob.channel.cut()
