import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Client, MISSED_MAX, SAY_TRIES_MAX, type RoomEvent } from "../src/client";
import type { ClientFrame, ErrorFrame, Joined, Page, Say, ServerFrame } from "../src/protocol";
import { message, turn, welcome } from "./frames";

class FakeWebSocket {
  static made: FakeWebSocket[] = [];
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  sent: ClientFrame[] = [];
  closed: number | null = null;

  constructor(readonly url: string) {
    FakeWebSocket.made.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as ClientFrame);
  }

  close(code: number): void {
    this.closed = code;
  }

  says(...frames: ServerFrame[]): void {
    for (const frame of frames) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  greets(fields: Parameters<typeof welcome>[0] = {}): void {
    this.onopen?.();
    this.says(welcome({ you: { id: "echo-1", name: "Echo", kind: "agent", role: "guest" }, ...fields }));
  }

  of<Type extends ClientFrame["type"]>(type: Type): Extract<ClientFrame, { type: Type }>[] {
    return this.sent.filter((frame): frame is Extract<ClientFrame, { type: Type }> => frame.type === type);
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeWebSocket);
  vi.spyOn(Math, "random").mockReturnValue(1);
  FakeWebSocket.made = [];
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function newest(): FakeWebSocket {
  return FakeWebSocket.made.at(-1) as FakeWebSocket;
}

function joined(head: number, fields: Partial<Joined> = {}): Joined {
  const members = [{ id: "vera", name: "Vera", kind: "agent", role: "member" }] as const;
  const about = { epoch: "e1", recovered: true, members, member_count: 1, view: null };
  return { type: "joined", ref: "join ledger", room: "ledger", title: "The ledger", head, ...about, ...fields };
}

function inside(head = 10) {
  const events: RoomEvent[] = [];
  const stopped = vi.fn();
  const client = new Client("ws://a.b/ws", { name: "Echo" }, { stopped });
  const room = client.join("ledger", () => undefined, (event) => events.push(event));
  client.start();
  newest().greets();
  newest().says(joined(head));
  const seqs = () => events.map((event) => (event.type === "message" ? event.seq : event.type));
  return { client, room, events, seqs, stopped };
}

async function back(how: Partial<Joined> = {}, head = 12): Promise<FakeWebSocket> {
  newest().onclose?.({ code: 1006 });
  await vi.advanceTimersByTimeAsync(1000);
  newest().greets({ resumed: true });
  newest().says(joined(head, how));
  return newest();
}

function said(frame: Say | undefined, seq: number): ServerFrame {
  const at = "2026-01-01T00:00:00.000Z";
  return { type: "said", room: "ledger", id: frame?.id ?? "", seq, epoch: "e1", at, ref: frame?.ref ?? "" };
}

function error(frame: Say | undefined, code: ErrorFrame["code"]): ErrorFrame {
  return { type: "error", code, message: "no", ref: frame?.ref ?? "" };
}

test("it greets as an agent, joins, and hands over each message once", () => {
  const { client, room, seqs } = inside();
  expect(newest().of("hello")[0]).toMatchObject({ kind: "agent", name: "Echo", client: "cadence-client" });
  newest().says(message(10), message(11), message(11), message(12));
  expect(seqs()).toEqual([11, 12]);
  expect([client.you?.id, room.title, [...room.members.keys()]]).toEqual(["echo-1", "The ledger", ["vera"]]);
});

test("after a cut it goes on from what it has, with the session", async () => {
  const { seqs } = inside();
  newest().says(message(11));
  const line = await back();
  expect(line.of("hello")[0]).toMatchObject({ resume: "s1" });
  expect(line.of("join")[0]?.after).toEqual({ epoch: "e1", seq: 11, turn: 0 });
  line.says(message(11), message(12));
  expect(seqs()).toEqual([11, 12]);
});

test("what is not replayed is read from the log, and what comes meanwhile too", async () => {
  const { seqs } = inside();
  const line = await back({ recovered: false }, 13);
  line.says(message(14));
  const page = (...items: number[]): Page => ({
    type: "page",
    ref: line.of("history").at(-1)?.ref ?? "",
    room: "ledger",
    stream: "raw",
    items: items.map((seq) => message(seq)),
    more: true,
  });
  expect(line.of("history")[0]).toMatchObject({ after: 10, limit: 200 });
  line.says(page(11, 12));
  await vi.advanceTimersByTimeAsync(0);
  expect(line.of("history")[1]).toMatchObject({ after: 12 });
  line.says(page(13, 14));
  await vi.advanceTimersByTimeAsync(0);
  line.says(message(15));
  expect(seqs()).toEqual([11, 12, 13, 14, 15]);
});

test("a hole is filled from the log", async () => {
  inside();
  newest().says(message(12));
  await vi.advanceTimersByTimeAsync(0);
  expect(newest().of("history")[0]).toMatchObject({ after: 10 });
});

test("a new log, or too much, is said to be missed", async () => {
  const { events, room } = inside();
  await back({ epoch: "e2", recovered: false }, 3);
  expect(events).toEqual([{ type: "missed", room: "ledger", after: 10, to: 3, new_log: true }]);
  expect([room.epoch, room.seq]).toEqual(["e2", 3]);
  await back({ epoch: "e2", recovered: false }, MISSED_MAX + 4);
  expect(events[1]).toMatchObject({ after: 3, to: MISSED_MAX + 4, new_log: false });
});

test("a message is said when it is durable, and again under its id until then", async () => {
  const { room } = inside();
  const saying = room.say("hello", { reply_to: 3 });
  const first = newest().of("say")[0];
  expect(first).toMatchObject({ text: "hello", reply_to: 3 });
  const line = await back();
  expect(line.of("say")).toEqual([first]);
  line.says(said(first, 13));
  expect((await saying).seq).toBe(13);
});

test("a limit is waited out, another refusal is told", async () => {
  const { room } = inside();
  const saying = room.say("hello");
  const frame = newest().of("say")[0];
  newest().says({ ...error(frame, "rate_limited"), retry_after_s: 2 });
  await vi.advanceTimersByTimeAsync(1999);
  expect(newest().of("say").length).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(newest().of("say")[1]).toEqual(frame);
  newest().says(error(frame, "too_large"));
  await expect(saying).rejects.toThrow("no");
});

test("there is an end to waiting", async () => {
  const { room } = inside();
  const saying = room.say("hello");
  const caught = saying.catch((reason: Error) => reason.message);
  for (let tries = 0; tries < SAY_TRIES_MAX; tries += 1) {
    newest().says(error(newest().of("say")[0], "unavailable"));
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(await caught).toBe("no");
});

test("as somebody else it does not say what may have been said", async () => {
  const { room } = inside();
  const saying = room.say("hello").catch((reason: Error) => reason.message);
  newest().onclose?.({ code: 1006 });
  await vi.advanceTimersByTimeAsync(1000);
  newest().greets({ you: { id: "echo-2", name: "Echo", kind: "agent", role: "guest" } });
  newest().says(joined(12));
  expect(await saying).toContain("look whether it was said");
  expect(newest().of("say")).toEqual([]);
});

test("turns and redactions come to those who want everything", () => {
  const { seqs } = inside();
  newest().says(message(11), turn(1, 1, 5), turn(1, 1, 5), { type: "redacted", room: "ledger", seq: 11, by: "vera" });
  newest().says({ type: "redacted", room: "ledger", seq: 99, by: "vera" });
  expect(seqs()).toEqual([11, "turn", "redacted"]);
});

test("members come and go", () => {
  const { room } = inside();
  const ann = { id: "ann", name: "Ann", kind: "human", role: "guest" } as const;
  newest().says({ type: "presence", room: "ledger", joined: [ann], left: ["vera"] });
  expect([...room.members.keys()]).toEqual(["ann"]);
});

test("a room that is refused ends, and its messages with it", async () => {
  const { client, stopped } = inside();
  const attic = client.join("attic", () => undefined);
  const saying = attic.say("x").catch((reason: Error) => reason.message);
  newest().says({ type: "error", code: "no_such_room", message: "no room", ref: "join attic" });
  expect(await saying).toBe("no room");
  expect(stopped).toHaveBeenCalledWith("no_such_room", "no room");
});

test("a room that is put off is asked for again", async () => {
  const { client, stopped } = inside();
  client.join("attic", () => undefined);
  newest().says({ type: "error", code: "unavailable", message: "later", ref: "join attic", retry_after_s: 2 });
  await vi.advanceTimersByTimeAsync(2000);
  expect(newest().of("join").map((frame) => frame.room)).toEqual(["ledger", "attic", "attic"]);
  expect(stopped).not.toHaveBeenCalled();
});

test("who is shut out is told, and does not come back", async () => {
  const { room, stopped } = inside();
  const saying = room.say("x").catch((reason: Error) => reason.message);
  newest().onclose?.({ code: 4010 });
  await vi.advanceTimersByTimeAsync(60_000);
  expect([await saying, FakeWebSocket.made.length]).toEqual(["kicked", 1]);
  expect(stopped).toHaveBeenCalledWith("kicked", "");
});

test("what is too large or too much is refused here", async () => {
  const { room } = inside();
  await expect(room.say("x".repeat(70_000))).rejects.toThrow("bytes");
  void room.say("x", { id: "1" });
  await expect(room.say("y", { id: "1" })).rejects.toThrow("its own id");
});

test("close is the end", async () => {
  const { client, room } = inside();
  const saying = room.say("x").catch((reason: Error) => reason.message);
  client.close();
  newest().onclose?.({ code: 1000 });
  await vi.advanceTimersByTimeAsync(60_000);
  expect([await saying, FakeWebSocket.made.length, newest().closed]).toEqual(["this client was closed", 1, 1000]);
});
