// @vitest-environment happy-dom
import { afterEach, expect, test } from "vitest";
import type { ClientFrame, ServerFrame } from "../src/protocol";
import { Refused } from "../src/requests";
import { Saying } from "../src/saying.svelte";

const silent = () => new Promise<ServerFrame>(() => undefined);

afterEach(() => sessionStorage.clear());

test("a draft and what was not answered survive a reload of the tab, each in its room", () => {
  const before = new Saying("ledger", silent);
  before.say("on its way");
  before.draft = "half a thou";
  const after = new Saying("ledger", silent);
  expect(after.draft).toBe("half a thou");
  expect(after.outgoing).toEqual(before.outgoing);
  expect(new Saying("commons", silent)).toMatchObject({ draft: "", outgoing: [] });
});

test("what was refused can be tried again under its id, or taken back into the draft", async () => {
  const sent: ClientFrame[] = [];
  const saying = new Saying("ledger", (frame) => {
    sent.push(frame);
    return Promise.reject(new Refused({ type: "error", code: "too_large", message: "shorter, please" }));
  });
  saying.say("long");
  await Promise.resolve();
  await Promise.resolve();
  const [pending] = saying.outgoing;
  expect(pending).toMatchObject({ state: "failed", reason: "shorter, please" });
  saying.again(pending?.id ?? "");
  expect(sent[1]).toEqual(sent[0]);
  saying.discard(pending?.id ?? "");
  expect([saying.draft, saying.outgoing.length]).toEqual(["long", 0]);
});

test("ids fit the protocol and differ", () => {
  const saying = new Saying("ledger", silent);
  saying.say("a");
  saying.say("b");
  const [one, two] = saying.outgoing.map(({ id }) => id);
  expect(one).not.toBe(two);
  expect(one).toMatch(/^.{1,64}$/);
});
