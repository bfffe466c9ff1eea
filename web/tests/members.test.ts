import { describe, expect, test } from "vitest";
import { complete, mentionAt, present, sorted, suggestions } from "../src/members";
import type { Member } from "../src/protocol";

const member = (id: string, name = id): Member => ({ id, name, kind: "human", role: "guest" });
const names = (members: readonly Member[]) => members.map((each) => each.name);

describe("presence", () => {
  const here = sorted([member("bea", "Bea"), member("ann", "Ann")]);

  test("those who come are put in order, those who go are gone", () => {
    expect(
      names(present(here, { type: "presence", room: "r", joined: [member("abe", "Abe")], left: ["bea"] })),
    ).toEqual(["Abe", "Ann"]);
  });

  test("who is already here is not here twice, and may have a new name", () => {
    expect(names(present(here, { type: "presence", room: "r", joined: [member("bea", "Aea")] }))).toEqual([
      "Aea",
      "Ann",
    ]);
  });

  test("a whole list replaces everything", () => {
    expect(
      names(present(here, { type: "presence", room: "r", members: [member("cy", "Cy")], member_count: 1 })),
    ).toEqual(["Cy"]);
  });
});

describe("mentions", () => {
  test.each([
    ["@ve", 3, "ve"],
    ["hello @ve", 9, "ve"],
    ["hello @", 7, ""],
    ["(@Guest 12", 10, "Guest 12"],
    ["@ve later", 3, "ve"],
  ])("in %j at %i someone is being named", (text, caret, typed) => {
    expect(mentionAt(text, caret)?.typed).toBe(typed);
  });

  test.each([
    ["mail@ve", 7],
    ["@ve\nx", 5],
    ["@ve", 0],
    ["no one", 6],
    [`@${"x".repeat(60)}`, 61],
  ])("in %j at %i nobody is", (text, caret) => {
    expect(mentionAt(text, caret)).toBeNull();
  });

  test("names and ids are found by how they begin", () => {
    const all = [member("vera", "Vera"), member("v2", "Odile"), member("bao", "Bao")];
    expect(names(suggestions(all, "V"))).toEqual(["Vera", "Odile"]);
    expect(names(suggestions(all, "od"))).toEqual(["Odile"]);
  });

  test("a chosen name takes the place of what was typed, with one space after it", () => {
    const text = "ask @ve now";
    const mention = mentionAt(text, 7);
    expect(mention && complete(text, 7, mention, "Vera")).toEqual({ text: "ask @Vera now", caret: 10 });
  });
});
