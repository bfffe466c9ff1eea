import { expect, test } from "vitest";
import { date, exactTime, plural, seconds, time } from "../src/format";

test("one is one and the rest are many", () => {
  expect(plural(1, "word")).toBe("1 word");
  expect(plural(0, "word")).toBe("0 words");
  expect(plural(2.4, "person", "people")).toBe("2 people");
});

test("seconds are said in full or briefly", () => {
  expect(seconds(1)).toBe("1 second");
  expect(seconds(8)).toBe("8 seconds");
  expect(seconds(2.54, "short")).toMatch(/^2.5 s$/);
});

test("a time that is none shows nothing instead of nonsense", () => {
  for (const show of [time, exactTime, date]) {
    expect(show("soon")).toBe("");
    expect(show("2026-01-05T12:00:00.000Z")).not.toBe("");
  }
});
