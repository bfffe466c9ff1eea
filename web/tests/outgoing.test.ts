import { expect, test } from "vitest";
import { add, again, drop, failed, PENDING_MAX, restored, said, unsaid, type Outgoing } from "../src/outgoing";
import { at } from "./frames";

const error = { type: "error", code: "rate_limited", message: "wait 2 s" } as const;
const done = (id: string) => ({ type: "said", room: "ledger", id, seq: 9, epoch: "e1", at: at(9) }) as const;

test("what was not answered is said again under its own id", () => {
  const outgoing = add(add([], "a", "one"), "b", "two");
  expect(unsaid(said(outgoing, done("a")), "ledger")).toEqual([{ type: "say", room: "ledger", id: "b", text: "two" }]);
});

test("what was refused waits for the person, with the reason", () => {
  const outgoing = failed(add([], "a", "one"), "a", error);
  expect(outgoing[0]).toMatchObject({ state: "failed", reason: "wait 2 s" });
  expect(unsaid(outgoing, "ledger")).toEqual([]);
  expect(unsaid(again(outgoing, "a"), "ledger")).toHaveLength(1);
  expect(again(outgoing, "a")[0]).not.toHaveProperty("reason");
});

test("its message ends it, and an unknown id changes nothing", () => {
  const outgoing = add([], "a", "one");
  expect(drop(outgoing, "a")).toEqual([]);
  expect(drop(outgoing, "x")).toBe(outgoing);
});

test("the list is bounded", () => {
  let outgoing: Outgoing = [];
  for (let index = 0; index < PENDING_MAX + 5; index += 1) outgoing = add(outgoing, `${index}`, "x");
  expect(outgoing).toHaveLength(PENDING_MAX);
});

test.each([null, 7, "x", {}, [null, 1, { id: 1, text: "x" }, { id: "a" }]])(
  "storage may hold nonsense: %j",
  (stored) => {
    expect(restored(stored)).toEqual([]);
  },
);

test("what a reload interrupted is sent again", () => {
  expect(restored([{ id: "a", text: "one", state: "failed" }])).toEqual([{ id: "a", text: "one", state: "sending" }]);
});
