import { describe, expect, test } from "vitest";
import { Timeline } from "../src/timeline";
import { at, human, message, quote, turn } from "./frames";

function keys(timeline: Timeline): string[] {
  return timeline.items.map((item) => item.key);
}

describe("order", () => {
  test("a message stands at its seq, a turn where its range ends", () => {
    const timeline = new Timeline();
    timeline.add([turn(2, 11, 20), human(15), turn(1, 1, 10), human(21)]);
    expect(keys(timeline)).toEqual(["t1", "m15", "t2", "m21"]);
  });

  test("a message with the seq at which a turn ends comes before it", () => {
    const timeline = new Timeline();
    timeline.add([turn(1, 1, 10), human(10)]);
    expect(keys(timeline)).toEqual(["m10", "t1"]);
  });

  test("turns of postponed text share a place and stand by number", () => {
    const timeline = new Timeline();
    timeline.add([turn(3, 11, 10), turn(2, 1, 10), turn(4, 11, 10)]);
    expect(keys(timeline)).toEqual(["t2", "t3", "t4"]);
  });

  test("an answer, which covers nothing, stands after what was there when it came", () => {
    const timeline = new Timeline();
    timeline.add([turn(1, 1, 10), turn(3, 11, 20)]);
    timeline.add([turn(2, 0, 0, { covers: null, mode: "answer", at: at(12) })]);
    expect(keys(timeline)).toEqual(["t1", "t2", "t3"]);
  });

  test("an answer older than everything here stays before what is loaded above it", () => {
    const timeline = new Timeline();
    timeline.add([turn(3, 11, 20)]);
    timeline.add([turn(2, 0, 0, { covers: null, at: at(5) })]);
    timeline.add([turn(1, 1, 10, { at: at(4) })]);
    expect(keys(timeline)).toEqual(["t1", "t2", "t3"]);
  });
});

describe("dedup", () => {
  test("what is here already is not new, whichever way it comes again", () => {
    const timeline = new Timeline();
    expect(timeline.add([turn(1, 1, 10), human(4)])).toHaveLength(2);
    expect(timeline.add([turn(1, 1, 10), human(4), human(5)]).map((item) => item.key)).toEqual(["m5"]);
    expect(timeline.length).toBe(3);
  });

  test("what was trimmed may come again", () => {
    const timeline = new Timeline();
    timeline.add([message(1), message(2), message(3)]);
    expect(timeline.trim(2)).toBe(1);
    expect(timeline.add([message(1)]).map((item) => item.key)).toEqual(["m1"]);
  });
});

describe("redaction", () => {
  test("of a message of another room empties what was overheard of it, and nothing of this room's", () => {
    const timeline = new Timeline();
    const far = quote("far", [4], { kind: "ambient", room: "attic" });
    timeline.add([turn(1, 1, 5, { segments: [quote("here", [4]), far] })]);
    timeline.redact(4, "attic");
    const [item] = timeline.items;
    const left = item?.kind === "turn" ? item.turn.segments : [];
    expect(left.map((each) => [each.text, each.room])).toEqual([
      ["here", undefined],
      ["", "attic"],
    ]);
    timeline.redact(4);
    const [again] = timeline.items;
    expect(again?.kind === "turn" && again.turn.segments[0]?.text).toBe("");
  });

  test("a message keeps its place and loses its words, parts and mentions", () => {
    const timeline = new Timeline();
    timeline.add([message(1, { parts: [{ kind: "code", body: "x" }], mentions: ["ann"], reply_to: 1 })]);
    timeline.redact(1);
    const [item] = timeline.items;
    expect(item?.kind === "message" && item.message).toMatchObject({ seq: 1, text: "", redacted: true, reply_to: 1 });
    expect(item?.kind === "message" && item.message).not.toHaveProperty("parts");
    expect(item?.kind === "message" && item.message).not.toHaveProperty("mentions");
  });

  test("a segment that cites it keeps who and where and nothing else; others stay untouched", () => {
    const timeline = new Timeline();
    const other = quote("stays", [3]);
    timeline.add([turn(1, 1, 10, { segments: [quote("goes", [2, 4], { agree: 2, objects_to: 1 }), other] })]);
    timeline.redact(4);
    const [item] = timeline.items;
    const segments = item?.kind === "turn" ? item.turn.segments : [];
    expect(segments[0]).toEqual({
      kind: "quote",
      speakers: ["vera"],
      sources: [2, 4],
      weight: 1,
      text: "",
      redacted: true,
    });
    expect(segments[1]).toBe(other);
  });
});

test("the floor is the lowest seq that anything accounts for", () => {
  const timeline = new Timeline();
  expect(timeline.floor()).toBeNull();
  timeline.add([turn(5, 40, 50), human(45)]);
  expect(timeline.floor()).toBe(40);
  expect(timeline.oldestTurn()).toBe(5);
});
