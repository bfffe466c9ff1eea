from cadence.rooms.wire import Author, Member
from cadence.terminal import people
from cadence.terminal.people import HUES, People

ADA = Member("ada", "Ada", "agent")
RAE = Member("rae-01", "Rae", "human")


def crowd(count: int) -> list[Member]:
    return [Member(f"a{number}", f"Agent {number}", "agent") for number in range(count)]


def test_names_and_colours_stay_also_of_those_who_left() -> None:
    known = People()
    known.whole([ADA, RAE], 2)
    before = known.span("ada")
    assert known.changed([], ["ada", "nobody"]) == ([], ["ada"])
    assert (known.span("ada"), list(known.here), known.count) == (before, ["rae-01"], 1)


def test_agents_have_different_colours_in_whatever_order_they_are_listed() -> None:
    one, other = People(), People()
    one.whole(crowd(HUES), HUES)
    other.whole(crowd(HUES)[::-1], HUES)
    hues = {one.span(f"a{number}")[1] for number in range(HUES)}
    assert len(hues) == HUES
    assert all(one.span(f"a{n}") == other.span(f"a{n}") for n in range(HUES))


def test_only_news_is_news() -> None:
    known = People()
    known.whole([ADA], 600)
    assert known.changed([ADA, RAE], ["x"]) == (["rae-01"], [])
    assert known.count == 601, "more are here than are listed"


def test_a_typed_name_finds_by_id_by_name_or_by_its_beginning() -> None:
    known = People()
    known.whole([ADA, RAE, Member("adam", "Adam", "agent")], 3)
    assert known.find("@rae") == ["rae-01"]
    assert known.find("ADA") == ["ada"], "a whole name beats a beginning"
    assert known.find("ad") == ["ada", "adam"]
    assert known.find("") == known.find("zoe") == []
    known.changed([], ["ada"])
    assert known.find("Ada") == ["ada"], "one may go on following who left"


def test_a_strange_name_is_one_row_and_a_stranger_is_called_by_the_id() -> None:
    known = People()
    known.meet([Author("x", "A\x1b[0m\nB", "agent")])
    assert (known.name("x"), known.name("gone-1")) == ("A[0m B", "gone-1")


def test_a_city_of_people_is_not_remembered() -> None:
    known = People()
    known.meet(crowd(people.PEOPLE_MAX + 5))
    assert (known.name("a4"), known.name("a5")) == ("a4", "Agent 5")
