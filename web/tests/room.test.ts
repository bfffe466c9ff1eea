import { describe, expect, test, vi } from "vitest";
import type { ClientFrame, History, Message, ServerFrame, Turn } from "../src/protocol";
import { Cut } from "../src/requests";
import { Room } from "../src/room.svelte";
import type { Cursor } from "../src/storage";
import { human, joined, message, quote, turn, welcome } from "./frames";

/** A server in memory: what it holds is answered to `history`, everything sent is kept. */
function place(held: { turns?: Turn[]; messages?: Message[] } = {}, cursor: Cursor | null = null) {
  const sent: ClientFrame[] = [];
  const kept: Cursor[] = [];
  const announce = vi.fn();
  const visited: string[] = [];
  let down = false;
  const ask = (frame: ClientFrame): Promise<ServerFrame> => {
    sent.push(frame);
    if (down) return Promise.reject(new Cut("down"));
    return Promise.resolve(frame.type === "history" ? page(frame, held) : { type: "ok" });
  };
  const room = new Room("ledger", welcome().you, cursor, {
    ask,
    send: (frame) => sent.push(frame),
    soon: (act) => act(),
    keep: (_, each) => kept.push(each),
    announce,
    titleOf: (id) => `Room ${id}`,
    visit: (id) => visited.push(id),
  });
  const settle = () => vi.waitFor(() => expect(room.loading).toBeNull());
  const cut = (now: boolean) => (down = now);
  return { room, sent, kept, visited, announce, settle, cut };
}

function page(query: History, held: { turns?: Turn[]; messages?: Message[] }): ServerFrame {
  const { stream, before = Infinity, after = 0, seqs, limit = 50 } = query;
  const number = (item: Message | Turn) => (item.type === "turn" ? item.turn : item.seq);
  const all: (Message | Turn)[] = stream === "turns" ? (held.turns ?? []) : (held.messages ?? []);
  const found = all.filter((item) =>
    seqs ? seqs.includes(number(item)) : number(item) < before && number(item) > after,
  );
  const items = query.after === undefined && !seqs ? found.slice(-limit) : found.slice(0, limit);
  return { type: "page", room: "ledger", stream, items, more: found.length > items.length };
}

function keys(room: Room): string[] {
  return room.timeline.items.map((item) => item.key);
}

const talk = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => message(from + index));
const view = { ...joined().view, mode: "raw" } as NonNullable<ReturnType<typeof joined>["view"]>;

describe("opening", () => {
  test("a reload shows the turns there were and what people said between them", async () => {
    const spoken = turn(2, 11, 20, { covers: { epoch: "e1", from: 11, to: 20, messages: 9, words: 9 } });
    const messages = [...talk(11, 14), human(15), ...talk(16, 20), human(21)];
    const { room, settle } = place({ turns: [turn(1, 1, 10), spoken], messages });
    room.receive(joined({ head: 21 }));
    await settle();
    expect(keys(room)).toEqual(["t1", "m15", "t2", "m21"]);
    expect(room.beginsAt).toBe(1);
  });

  test("a first visit to a room of AIs offers what was said before and shows none of it", async () => {
    const { room, settle } = place({ messages: [...talk(1, 40), human(41)] });
    room.receive(joined({ head: 41 }));
    await settle();
    expect(keys(room)).toEqual([]);
    expect(room.beginsAt).toBe(42);
  });

  test("a first visit to a room of people shows what they said", async () => {
    const { room, settle } = place({ messages: [human(1), human(2)] });
    room.receive(joined({ head: 2 }));
    await settle();
    expect(keys(room)).toEqual(["m1", "m2"]);
  });

  test("before the first turn, what was said since the first visit survives a reload", async () => {
    const { room, settle } = place(
      { messages: [human(3), ...talk(4, 8), human(9)] },
      { epoch: "e1", seq: 9, turn: 0, since: 8 },
    );
    room.receive(joined({ head: 9 }));
    await settle();
    expect(keys(room)).toEqual(["m9"]);
  });

  test("in raw, the newest messages come, and older ones on the way up until there are none", async () => {
    const { room, settle } = place({ messages: talk(1, 70) });
    room.receive(joined({ head: 70, view }));
    await settle();
    expect(keys(room)).toHaveLength(50);
    await room.older();
    expect(keys(room)).toHaveLength(70);
    expect(room.complete).toBe(true);
  });

  test("a speaker who left before we came is named from a message", async () => {
    const cited = message(5, { from: { id: "old-1", name: "Olde", kind: "agent" } });
    const segments = [quote("x", [5], { speakers: ["old-1"] })];
    const { room, settle } = place({ turns: [turn(1, 1, 10, { segments })], messages: [cited] });
    room.receive(joined({ head: 10 }));
    await settle();
    await vi.waitFor(() => expect(room.speakers.name("old-1")).toBe("Olde"));
  });
});

describe("living", () => {
  async function open(cursor: Cursor | null = null) {
    const made = place({}, cursor);
    made.room.receive(joined({ head: 10 }));
    await made.settle();
    return made;
  }

  test("a return says how far this page has come", async () => {
    const { room, sent, kept } = await open();
    room.receive(human(11));
    room.receive(turn(4, 11, 15));
    expect(kept.at(-1)).toEqual({ epoch: "e1", seq: 11, turn: 4, since: 10 });
    await room.join();
    expect(sent.at(-1)).toEqual({ type: "join", room: "ledger", after: { epoch: "e1", seq: 11, turn: 4 } });
  });

  test("what a replay brings again is not there twice", async () => {
    const { room } = await open();
    room.receive(turn(1, 11, 15));
    room.receive(joined({ head: 15 }));
    room.receive(turn(1, 11, 15));
    room.receive(human(16));
    room.receive(human(16));
    expect(keys(room)).toEqual(["t1", "m16"]);
  });

  test("a new epoch empties the page, says so and loads again", async () => {
    const { room, sent, settle } = await open();
    room.receive(human(11));
    room.receive(joined({ epoch: "e2", head: 3, recovered: false }));
    expect(keys(room)).toEqual([]);
    expect(room.notice).not.toBe("");
    await settle();
    await room.join();
    expect(sent.at(-1)).toMatchObject({ after: { epoch: "e2", seq: 3, turn: 0 } });
  });

  test("a room that cannot replay all that was missed is loaded again", async () => {
    const { room, settle } = await open();
    room.receive(human(11));
    room.receive(joined({ head: 20_000, recovered: false }));
    await settle();
    expect(keys(room)).toEqual([]);
    expect(room.notice).toBe("");
  });

  test("a cut while loading is made good by the next join", async () => {
    const { room, cut } = place({ turns: [turn(1, 1, 10)] });
    cut(true);
    room.receive(joined({ head: 10 }));
    await vi.waitFor(() => expect(room.opened).toBe(true));
    expect(room.loading).toBe("first");
    cut(false);
    room.receive(joined({ head: 10 }));
    await vi.waitFor(() => expect(keys(room)).toEqual(["t1"]));
  });

  test("each batch of turns is announced once, by its newest", async () => {
    const { room, announce } = await open();
    room.receive(turn(1, 11, 15));
    room.receive(human(16));
    expect(announce).toHaveBeenCalledTimes(1);
    expect(announce.mock.calls[0]?.[0]).toMatchObject({ turn: 1 });
  });

  test("a redaction reaches messages, turns and originals", async () => {
    const { room } = await open();
    room.receive(human(11));
    room.receive(turn(1, 11, 15, { segments: [quote("x", [11])] }));
    room.receive({ type: "redacted", room: "ledger", seq: 11, by: "ann" });
    const [said, shown] = room.timeline.items;
    expect(said?.kind === "message" && said.message.redacted).toBe(true);
    expect(shown?.kind === "turn" && shown.turn.segments[0]?.redacted).toBe(true);
    expect(room.originals.get(11)?.text).toBe("");
  });

  test("presence moves the members and the count", async () => {
    const { room } = await open();
    const bea = { id: "bea", name: "Bea", kind: "human", role: "guest" } as const;
    room.receive({ type: "presence", room: "ledger", joined: [bea], member_count: 1 });
    expect(room.members).toEqual([bea]);
    room.receive({ type: "presence", room: "ledger", left: ["bea"], member_count: 0 });
    expect([room.members, room.memberCount]).toEqual([[], 0]);
  });

  test("another reader's view does not become one's own", async () => {
    const { room } = await open();
    const reader = room.reader("bea");
    room.receive({ type: "view", room: "ledger", participant: "bea", view, locked: ["mode"], set_by: "host" });
    expect(room.raw).toBe(false);
    expect(reader.shown?.mode).toBe("raw");
    room.receive({ type: "view", room: "ledger", participant: "ann", view, locked: [], set_by: "host" });
    expect(room.raw).toBe(true);
  });
});

describe("saying", () => {
  test("is under way until the message itself is here, and is said again after a cut", async () => {
    const { room, sent, cut, settle } = place();
    room.receive(joined());
    await settle();
    cut(true);
    room.saying.say("hello");
    const [first] = sent.filter((frame) => frame.type === "say");
    cut(false);
    room.receive(joined());
    const says = sent.filter((frame) => frame.type === "say");
    expect(says).toHaveLength(2);
    expect(says[1]).toMatchObject({ id: first?.id, text: "hello" });
    room.receive(human(1, { id: first?.id ?? "" }));
    expect(room.saying.outgoing).toEqual([]);
  });
});

describe("asking", () => {
  test("a question is one frame, no question asks what was missed, and the answer is a turn", async () => {
    const { room, sent, settle } = place();
    room.receive(joined({ head: 9 }));
    await settle();
    sent.length = 0;
    room.receive(turn(1, 1, 9, { mode: "answer", covers: null, segments: [quote("Vera: yes", [3], { kind: "answer" })] }));
    expect(await room.question("why?")).toBe("");
    expect(await room.question("")).toBe("");
    expect(sent).toEqual([
      { type: "ask", room: "ledger", what: "question", text: "why?" },
      { type: "ask", room: "ledger", what: "catch_up" },
    ]);
    expect(keys(room)).toEqual(["t1"]);
  });

  test("a cut is told in words", async () => {
    const { room, cut, settle } = place();
    room.receive(joined({ head: 9 }));
    await settle();
    cut(true);
    expect(await room.question("why?")).toContain("Ask again");
  });
});

describe("typing", () => {
  test("is told to the others at most once in three seconds", () => {
    vi.useFakeTimers();
    const { room, sent } = place();
    room.types();
    vi.advanceTimersByTime(2999);
    room.types();
    vi.advanceTimersByTime(1);
    room.types();
    expect(sent).toEqual(Array(2).fill({ type: "typing", room: "ledger" }));
    vi.useRealTimers();
  });

  test("of others is shown until they have said it, left, or five seconds have passed", () => {
    vi.useFakeTimers();
    const { room } = place();
    const ids = () => room.typists.map((each) => each.id);
    for (const participant of ["vera", "bob", "cyd"]) room.receive({ type: "typing", room: "ledger", participant });
    expect(ids()).toEqual(["vera", "bob", "cyd"]);
    room.receive({ type: "presence", room: "ledger", left: ["bob"] });
    room.receive(message(1));
    expect(ids()).toEqual(["vera", "bob", "cyd"].filter((id) => id !== "bob" && id !== message(1).from.id));
    vi.advanceTimersByTime(5001);
    expect(ids()).toEqual([]);
    vi.useRealTimers();
  });
});
