import { describe, expect, test } from "vitest";
import { rowsOf, type Row } from "../src/rows";
import { Timeline } from "../src/timeline";
import { human, message, turn } from "./frames";
import type { Message, Turn } from "../src/protocol";

function rows(
  frames: (Message | Turn)[],
  fields: { beginsAt?: number | null; freshKey?: string | null; start?: number } = {},
): Row[] {
  const timeline = new Timeline();
  timeline.add(frames);
  const { beginsAt = null, freshKey = null, start = 0 } = fields;
  return rowsOf({ items: timeline.items, start, end: timeline.length, freshKey, beginsAt });
}

function kinds(found: Row[]): string[] {
  return found.map((row) => (row.kind === "gap" ? `gap ${row.span.from}-${row.span.to} (${row.count})` : row.kind));
}

describe("gaps", () => {
  test("turns that follow one another have none, speech between them or not", () => {
    expect(kinds(rows([turn(1, 1, 10), human(12), turn(2, 11, 20)]))).toEqual(["day", "turn", "message", "turn"]);
  });

  test("seqs between two runs are offered before the later turn", () => {
    expect(kinds(rows([turn(1, 1, 10), turn(2, 31, 40)]))).toEqual(["day", "turn", "gap 11-30 (20)", "turn"]);
  });

  test("what was shown raw within a gap does not count as missing", () => {
    const shown = [message(11), message(12), message(13)];
    expect(kinds(rows([turn(1, 1, 10), ...shown, turn(2, 15, 20)]))).toContain("gap 11-14 (1)");
    expect(kinds(rows([turn(1, 1, 10), ...shown, turn(2, 14, 20)])).join()).not.toContain("gap");
  });

  test("a window that begins between two turns still knows the one before it", () => {
    expect(kinds(rows([turn(1, 1, 10), human(25), turn(2, 31, 40)], { start: 1 }))).toContain("gap 11-30 (19)");
  });

  test("what was said before everything here comes first, less what is shown of it", () => {
    expect(kinds(rows([human(95), turn(1, 101, 110)], { beginsAt: 101 }))[0]).toBe("gap 1-100 (99)");
    expect(kinds(rows([turn(1, 1, 10)], { beginsAt: 1 }))[0]).toBe("day");
    expect(kinds(rows([], { beginsAt: 501 }))).toEqual(["gap 1-500 (500)"]);
  });
});

describe("marks", () => {
  test("each day is named once", () => {
    const next = { at: "2026-01-08T12:00:00.000Z" };
    expect(kinds(rows([human(1), human(2), human(3, next), human(4, next)]))).toEqual([
      "day",
      "message",
      "message",
      "day",
      "message",
      "message",
    ]);
  });

  test("the mark of what is new stands before its item", () => {
    expect(kinds(rows([turn(1, 1, 10), turn(2, 11, 20)], { freshKey: "t2" }))).toEqual([
      "day",
      "turn",
      "fresh",
      "turn",
    ]);
  });

  test("a person who goes on speaking is named once, another or a later word again", () => {
    const found = rows([human(1), human(2), message(3), human(4), human(5, { at: "2026-01-05T12:30:00.000Z" })]);
    expect(found.flatMap((row) => (row.kind === "message" ? [row.continued] : []))).toEqual([
      false,
      true,
      false,
      false,
      false,
    ]);
  });
});
