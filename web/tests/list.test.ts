import { expect, test } from "vitest";
import { ListState } from "../src/list.svelte";
import { Timeline, type Item } from "../src/timeline";
import { message } from "./frames";

function fresh(from: number, to: number): Item[] {
  return new Timeline().add(Array.from({ length: to - from + 1 }, (_, index) => message(from + index)));
}

test("a reader who follows has nothing unseen", () => {
  const list = new ListState();
  list.grew(10, fresh(1, 10), 0, 0);
  expect([list.unseen, list.freshKey, list.window.end]).toEqual([0, null, 10]);
});

test("what comes while reading back is counted from the first of it", () => {
  const list = new ListState();
  list.grew(10, fresh(1, 10), 0, 0);
  list.scrolled(500, 10);
  list.grew(12, fresh(11, 12), 0, 0);
  list.grew(13, fresh(13, 13), 0, 0);
  expect([list.unseen, list.freshKey]).toEqual([3, "m11"]);
});

test("older items loaded above are not new", () => {
  const list = new ListState();
  list.grew(10, fresh(11, 20), 0, 0);
  list.scrolled(500, 10);
  list.grew(20, [], 10, 0);
  expect(list.unseen).toBe(0);
  expect(list.window.start).toBe(10);
});

test("going to the newest clears the count and keeps the mark; the next departure clears the mark", () => {
  const list = new ListState();
  list.grew(10, fresh(1, 10), 0, 0);
  list.hold();
  list.grew(11, fresh(11, 11), 0, 0);
  list.toEnd(11);
  expect([list.unseen, list.freshKey]).toEqual([0, "m11"]);
  list.hold();
  expect(list.freshKey).toBeNull();
});
