import { expect, test } from "vitest";
import { readCursor, Shelf, writeCursor } from "../src/storage";

function memory(): Storage {
  const values = new Map<string, string>();
  return {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  } as Storage;
}

const cursor = { epoch: "e1", seq: 9, turn: 3, since: 2 };

test("a cursor belongs to one user in one room", () => {
  const shelf = new Shelf(memory);
  const storage = new Shelf(() => memory());
  writeCursor(shelf, "ann", "ledger", cursor);
  expect(readCursor(shelf, "ann", "ledger")).toEqual(cursor);
  expect(readCursor(shelf, "bea", "ledger")).toBeNull();
  expect(readCursor(storage, "ann", "ledger")).toBeNull();
});

test.each([
  null,
  3,
  "x",
  {},
  { ...cursor, seq: -1 },
  { ...cursor, turn: "3" },
  { ...cursor, epoch: 1 },
  { epoch: "e1" },
])("nonsense is no cursor: %j", (value) => {
  const shelf = new Shelf(memory);
  shelf.write("cursor.ann.ledger", value);
  expect(readCursor(shelf, "ann", "ledger")).toBeNull();
});

test("storage that is forbidden or full is as good as empty", () => {
  const forbidden = new Shelf(() => {
    throw new Error("denied");
  });
  forbidden.write("a", 1);
  expect(forbidden.read("a")).toBeNull();
  const full = new Shelf(() => ({
    ...memory(),
    setItem: () => {
      throw new Error("quota");
    },
  }));
  full.write("a", 1);
  expect(full.text("a")).toBe("");
});

test("broken JSON reads as nothing", () => {
  const storage = memory();
  storage.setItem("cadence.name", "{");
  expect(new Shelf(() => storage).text("name")).toBe("");
});
