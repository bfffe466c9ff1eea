import { expect, test } from "vitest";
import { strings } from "../src/strings";
import { TYPISTS_MAX, stopped, typed, writing } from "../src/typing";

test("who is typing is shown for five seconds after the last word of it", () => {
  const first = typed([], "vera", 1000);
  expect(writing(first, 5999).map((each) => each.id)).toEqual(["vera"]);
  expect(writing(first, 6000)).toEqual([]);
  const again = typed(first, "vera", 4000);
  expect(again).toEqual([{ id: "vera", until: 9000 }]);
});

test("those who began first stay first, and a crowd has an end", () => {
  let typists = typed(typed([], "vera", 0), "bob", 10);
  typists = typed(typists, "vera", 20);
  expect(typists.map((each) => each.id)).toEqual(["vera", "bob"]);
  for (let n = 0; n < 100; n += 1) typists = typed(typists, `guest-${n}`, 30);
  expect(typists.length).toBe(TYPISTS_MAX);
});

test("saying it ends it", () => {
  const typists = typed(typed([], "vera", 0), "bob", 0);
  expect(stopped(typists, ["vera"]).map((each) => each.id)).toEqual(["bob"]);
  expect(stopped(typists, ["cyd"])).toBe(typists);
});

test("the line stays short", () => {
  expect(strings.typing(["Vera"])).toBe("Vera is typing");
  expect(strings.typing(["Vera", "Bob"])).toBe("Vera and Bob are typing");
  expect(strings.typing(["Vera", "Bob", "Cyd"])).toBe("Several are typing");
});
