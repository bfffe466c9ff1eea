import { expect, test } from "vitest";
import type { ClientFrame } from "../src/protocol";
import { Cut, Refused, Requests, REQUESTS_PENDING_MAX } from "../src/requests";

function line() {
  const sent: ClientFrame[] = [];
  return { sent, requests: new Requests((frame) => sent.push(frame)) };
}

test("a reply goes to who asked, by its ref", async () => {
  const { sent, requests } = line();
  const [first, second] = [requests.ask({ type: "ping" }), requests.ask({ type: "ping" })];
  const [one, two] = sent.map((frame) => frame.ref ?? "");
  expect(one).not.toBe(two);
  expect(requests.settle({ type: "pong", ref: two ?? "" })).toBe(true);
  expect(requests.settle({ type: "ok", ref: one ?? "" })).toBe(true);
  expect((await first).type).toBe("ok");
  expect((await second).type).toBe("pong");
});

test("an error rejects with what the server said", async () => {
  const { sent, requests } = line();
  const asked = requests.ask({ type: "ping" });
  requests.settle({ type: "error", code: "rate_limited", message: "wait", retry_after_s: 2, ref: sent[0]?.ref ?? "" });
  const error = await asked.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(Refused);
  expect((error as Refused).frame.retry_after_s).toBe(2);
});

test("frames that nobody asked for, or asked for twice, settle nothing", () => {
  const { requests } = line();
  expect(requests.settle({ type: "pong" })).toBe(false);
  expect(requests.settle({ type: "pong", ref: "r1" })).toBe(false);
});

test("a cut ends every wait", async () => {
  const { requests } = line();
  const asked = [requests.ask({ type: "ping" }), requests.ask({ type: "ping" })];
  requests.cut();
  for (const each of asked) await expect(each).rejects.toBeInstanceOf(Cut);
});

test("no more requests are under way than the bound", async () => {
  const { sent, requests } = line();
  for (let index = 0; index < REQUESTS_PENDING_MAX; index += 1) requests.ask({ type: "ping" }).catch(() => undefined);
  await expect(requests.ask({ type: "ping" })).rejects.toBeInstanceOf(Cut);
  expect(sent).toHaveLength(REQUESTS_PENDING_MAX);
  requests.cut();
});
