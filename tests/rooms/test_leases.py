"""Leases: each rule by hand, then whole towns of nodes from a seed, with deaths, cuts and late news."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from cadence.rooms.leases import (
    NOBODY,
    Arrived,
    Asked,
    Departed,
    Fenced,
    Granted,
    Heard,
    Key,
    Leases,
    LetGo,
    Living,
    Lose,
    Refused,
    State,
    Take,
)

REA: Key = ("room", "rea")
SEEDS = 200
STEPS = 150


def held(token: int = 1) -> Leases:
    leases = Leases("one")
    assert leases.handle(Arrived(REA)) == [Take(REA)]
    assert leases.handle(Granted(REA, token)) == []
    assert leases.state(REA) is State.HELD
    return leases


def test_the_first_connection_takes_the_lease_and_the_next_finds_it_held() -> None:
    leases = held()
    assert leases.handle(Arrived(REA)) == [] and leases.connections(REA) == 2
    assert leases.handle(Departed(REA)) == []
    assert leases.handle(Departed(REA)) == [LetGo(REA, 1)]
    assert leases.state(REA) is State.FREE and leases.connections(REA) == 0


def test_who_hears_of_a_later_lease_stops_and_follows() -> None:
    leases = held()
    assert leases.handle(Heard(REA, "one", 1)) == [] == leases.handle(Heard(REA, "two", 1))
    assert leases.handle(Heard(REA, "two", 2)) == [Lose(REA)]
    assert leases.state(REA) is State.FOLLOWING and leases.elsewhere("room") == ["rea"]
    assert leases.handle(Heard(REA, "three", 3)) == [] and leases.handle(Departed(REA)) == []


def test_a_lease_that_was_given_though_the_answer_was_lost_is_taken_again() -> None:
    """Else whoever is connected here would follow its own node, and nobody mediate."""
    leases = held()
    leases.handle(Heard(REA, "two", 2))
    assert leases.handle(Asked(REA)) == [Take(REA)]
    assert leases.handle(Refused(REA)) == []
    assert leases.handle(Heard(REA, "one", 3)) == [Take(REA)]
    assert leases.handle(Heard(REA, "one", 4)) == []
    assert leases.handle(Refused(REA)) == [Take(REA)]
    assert leases.handle(Granted(REA, 5)) == [] and leases.state(REA) is State.HELD


def test_a_lease_that_was_given_is_taken_again_if_the_reader_could_not_be_brought_level() -> None:
    leases = held()
    assert leases.handle(Refused(REA)) == [Take(REA)] and leases.state(REA) is State.TAKING


def test_who_follows_takes_over_when_the_holder_lets_go_or_dies() -> None:
    leases = held()
    leases.handle(Heard(REA, "two", 2))
    assert leases.handle(Heard(REA, NOBODY, 3)) == [Take(REA)]
    assert leases.handle(Granted(REA, 4)) == []
    leases.handle(Heard(REA, "two", 5))
    assert leases.handle(Living(frozenset({"one", "two"}))) == []
    assert leases.handle(Living(frozenset({"one"}))) == [Take(REA)]


def test_who_follows_and_asks_takes_over() -> None:
    leases = held()
    leases.handle(Heard(REA, "two", 2))
    assert leases.handle(Asked(REA)) == [Take(REA)] and leases.handle(Asked(REA)) == []


def test_a_lease_that_was_lost_before_it_was_granted_is_not_held() -> None:
    leases = Leases("one")
    leases.handle(Arrived(REA))
    assert leases.handle(Heard(REA, "one", 1)) == [] == leases.handle(Heard(REA, "two", 2))
    assert leases.handle(Granted(REA, 1)) == [Lose(REA)]
    assert leases.state(REA) is State.FOLLOWING


def test_a_lease_granted_to_an_empty_house_is_let_go() -> None:
    leases = Leases("one")
    leases.handle(Arrived(REA))
    leases.handle(Departed(REA))
    assert leases.handle(Granted(REA, 7)) == [LetGo(REA, 7)]


def test_a_store_that_could_not_be_asked_leaves_the_reader_following() -> None:
    leases = Leases("one")
    leases.handle(Arrived(REA))
    assert leases.handle(Refused(REA)) == [] and leases.state(REA) is State.FOLLOWING
    assert leases.handle(Living(frozenset({"one"}))) == [Take(REA)]


def test_who_may_not_write_any_more_follows_whoever_took_over_and_may_ask_again() -> None:
    leases = held()
    assert leases.handle(Fenced(REA)) == [] and leases.state(REA) is State.FOLLOWING
    assert leases.handle(Heard(REA, "two", 2)) == [], "it is lost already"
    leases.handle(Departed(REA))
    assert leases.handle(Fenced(REA)) == [] and leases.connections(REA) == 0
    again = held()
    again.handle(Fenced(REA))
    assert again.handle(Asked(REA)) == [Take(REA)]
    assert again.handle(Granted(REA, 3)) == [] and again.state(REA) is State.HELD


def test_a_room_that_begins_anew_is_forgotten() -> None:
    leases = held()
    leases.forget("room")
    assert leases.connections(REA) == 0 and leases.handle(Arrived(REA)) == [Take(REA)]


class Town:
    """Nodes, one store that numbers leases, and a feed that each node reads when it can."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.marks: Counter[str] = Counter()
        self.nodes: dict[str, Leases] = {}
        self.read: dict[str, int] = {}
        self.asked: dict[str, list[Take | LetGo]] = {}
        self.cut: set[str] = set()
        self.believed: set[str] = set()
        self.lease = (NOBODY, 0)
        self.feed: list[tuple[str, int]] = []
        self.count = 0
        for _ in range(3):
            self.birth()

    def birth(self) -> None:
        self.count += 1
        name = f"node-{self.count}"
        self.nodes[name], self.read[name], self.asked[name] = Leases(name), len(self.feed), []
        self.believed.add(name)
        self.say_who_lives()

    def step(self) -> None:
        name = self.chance.choice(sorted(self.nodes))
        node, what = self.nodes[name], self.chance.random()
        if what < 0.2:
            self.do(name, node.handle(Arrived(REA)))
        elif what < 0.35 and node.connections(REA):
            self.do(name, node.handle(Departed(REA)))
        elif what < 0.45 and node.connections(REA):
            self.do(name, node.handle(Asked(REA)))
        elif what < 0.5:
            self.marks["death"] += 1
            del self.nodes[name], self.read[name], self.asked[name]
            self.cut.discard(name)
            self.birth()
        elif what < 0.6:
            self.marks["cut"] += name not in self.cut
            self.cut ^= {name}
        elif what < 0.65:
            self.say_who_lives()
        elif name not in self.cut:
            self.work(name)

    def say_who_lives(self) -> None:
        """Those that are cut off are thought dead, and hear nothing themselves."""
        living = frozenset(self.nodes) - self.cut
        for name in sorted(living):
            self.do(name, self.nodes[name].handle(Living(living)))

    def work(self, name: str) -> None:
        """One thing that waits for this node: an answer of the store, or a piece of news."""
        node, asked = self.nodes[name], self.asked[name]
        if asked and self.chance.random() < 0.7:
            request = asked.pop(0)
            if self.chance.random() < 0.1:
                self.marks["refusal"] += 1
                self.do(name, node.handle(Refused(REA)) if isinstance(request, Take) else [])
                asked[:0] = [request] if isinstance(request, LetGo) else []
            elif isinstance(request, Take):
                self.number(name)
                self.do(name, node.handle(Granted(REA, self.lease[1])))
            elif self.lease == (name, request.token):
                self.number(NOBODY)
        elif self.read[name] < len(self.feed):
            holder, token = self.feed[self.read[name]]
            self.read[name] += 1
            self.do(name, node.handle(Heard(REA, holder, token)))

    def number(self, holder: str) -> None:
        self.lease = (holder, self.lease[1] + 1)
        self.feed.append(self.lease)

    def do(self, name: str, actions: list[Take | Lose | LetGo]) -> None:
        for action in actions:
            if isinstance(action, Lose):
                self.marks["loss"] += 1
            else:
                self.asked[name].append(action)

    def check(self) -> None:
        """At no time may two nodes write: only one can hold the last number."""
        writers = [n for n, node in self.nodes.items() if node.state(REA) is State.HELD and self.lease[0] == n]
        assert len(writers) <= 1

    def settle(self) -> None:
        self.cut.clear()
        self.say_who_lives()
        for _ in range(2000):
            busy = [n for n in sorted(self.nodes) if self.asked[n] or self.read[n] < len(self.feed)]
            if not busy:
                self.say_who_lives()
                if not any(self.asked.values()):
                    return
                continue
            self.work(self.chance.choice(busy))
        raise AssertionError("leases go back and forth for ever")


@pytest.mark.parametrize("first", range(0, SEEDS, 50))
def test_whatever_happens_a_reader_with_connections_is_mediated_by_exactly_one_node_in_the_end(first: int) -> None:
    marks: Counter[str] = Counter()
    for seed in range(first, first + 50):
        town = Town(seed)
        for _ in range(STEPS):
            town.step()
            town.check()
        town.settle()
        holders = [name for name, node in town.nodes.items() if node.state(REA) is State.HELD]
        connected = [name for name, node in town.nodes.items() if node.connections(REA)]
        assert len(holders) == bool(connected), (seed, holders, connected)
        assert all(town.lease[0] == name and town.nodes[name].connections(REA) for name in holders), seed
        marks += town.marks
    assert {"death", "cut", "loss", "refusal"} <= marks.keys()
