import { expect, test } from "vitest";
import { Originals, type OriginalsRow } from "../src/originals";
import { message } from "./frames";

function shape(rows: OriginalsRow[]): string[] {
  return rows.map((row) => (row.kind === "message" ? `${row.message.seq}` : `${row.span.from}-${row.span.to}`));
}

test("nothing loaded is one hole", () => {
  expect(shape(new Originals().listing({ from: 5, to: 9 }))).toEqual(["5-9"]);
});

test("holes stand where messages are missing, and sources from before the span come first", () => {
  const originals = new Originals();
  originals.put([message(2), message(6), message(7), message(12)]);
  expect(shape(originals.listing({ from: 5, to: 9 }, [2, 6, 3]))).toEqual(["2", "5-5", "6", "7", "8-9"]);
});

test("a span that covers nothing lists its sources only", () => {
  const originals = new Originals();
  originals.put([message(2)]);
  expect(shape(originals.listing({ from: 1, to: 0 }, [2]))).toEqual(["2"]);
});

test("the cache keeps the newest it was given", () => {
  const originals = new Originals(2);
  originals.put([message(1), message(2)]);
  originals.put([message(3)]);
  expect(originals.missing([1, 2, 3, 3])).toEqual([1]);
});

test("a redacted message loses its text here as well", () => {
  const originals = new Originals();
  originals.put([message(1)]);
  originals.redact(1);
  originals.redact(99);
  expect(originals.get(1)).toMatchObject({ text: "", redacted: true });
  expect(originals.get(99)).toBeUndefined();
});
