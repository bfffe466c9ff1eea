// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ServerFrame } from "../src/protocol";
import { Socket, type Hooks } from "../src/socket";
import { welcome } from "./frames";

class FakeWebSocket {
  static made: FakeWebSocket[] = [];
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  sent: string[] = [];
  closed: number | null = null;

  constructor(
    readonly url: string,
    readonly protocol: string,
  ) {
    FakeWebSocket.made.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(code: number): void {
    this.closed = code;
  }

  says(frame: ServerFrame): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
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

function connected() {
  const delivered: string[] = [];
  const hooks: Hooks = {
    deliver: (frame) => delivered.push(frame.type),
    changed: vi.fn(),
    remember: vi.fn(),
    refused: vi.fn(),
  };
  const socket = new Socket("ws://a.b/ws", {}, hooks);
  socket.feed({ on: "start" });
  const line = FakeWebSocket.made[0] as FakeWebSocket;
  line.onopen?.();
  line.says(welcome());
  return { socket, line, hooks, delivered };
}

test("it speaks the subprotocol, greets, remembers and delivers", () => {
  const { line, hooks, delivered } = connected();
  expect([line.url, line.protocol]).toEqual(["ws://a.b/ws", "cadence.v1"]);
  expect(JSON.parse(line.sent[0] ?? "")).toMatchObject({ type: "hello" });
  expect(hooks.remember).toHaveBeenCalledWith("s1");
  expect(delivered).toEqual(["welcome"]);
});

test("what is no frame is passed over", () => {
  const { line, delivered } = connected();
  for (const data of ["{", "null", "[]", "3", new ArrayBuffer(2), '{"a":1}']) line.onmessage?.({ data });
  expect(delivered).toEqual(["welcome"]);
});

test("a lost line is opened again after the wait, and the old one is not listened to", () => {
  const { line, delivered } = connected();
  line.onclose?.({ code: 1006 });
  vi.advanceTimersByTime(499);
  expect(FakeWebSocket.made).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(FakeWebSocket.made).toHaveLength(2);
  line.says({ type: "pong" });
  line.onclose?.({ code: 4003 });
  expect(delivered).toEqual(["welcome"]);
  expect(FakeWebSocket.made).toHaveLength(2);
});

test("a silent line is given up after its heartbeats, without waiting for its close", () => {
  const { line } = connected();
  vi.advanceTimersByTime(60_000);
  expect(line.closed).toBe(4900);
  expect(line.sent.filter((text) => text.includes("ping"))).toHaveLength(2);
  vi.advanceTimersByTime(1_000);
  expect(FakeWebSocket.made).toHaveLength(2);
});

test("coming in under another name waits for the old line's end", () => {
  const { socket, line } = connected();
  socket.feed({ on: "identify", name: "Bea" });
  expect([line.closed, FakeWebSocket.made.length]).toEqual([1000, 1]);
  line.onclose?.({ code: 1000 });
  expect(FakeWebSocket.made).toHaveLength(2);
});
