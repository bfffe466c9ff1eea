import { describe, expect, test } from "vitest";
import { authorOf, LANES_MAX, tiesOf } from "../src/disputes";
import { Originals } from "../src/originals";
import { groupsOf } from "../src/segments";
import { Timeline } from "../src/timeline";
import { message, quote, turn } from "./frames";

const by = (speaker: string, seq: number, objects_to?: number) =>
  quote(`said ${seq}`, [seq], { speakers: [speaker], ...(objects_to ? { objects_to } : {}) });
const ties = (...segments: ReturnType<typeof by>[]) => tiesOf(groupsOf(turn(1, 1, 9, { segments })));

describe("a line is drawn", () => {
  test("from who objects to who is objected to, when both are in the turn", () => {
    expect(ties(by("vera", 1), by("bao", 2), by("idris", 3, 1))).toEqual([{ key: "2-0", from: 2, to: 0, lane: 0 }]);
  });

  test("downwards too, as the target may come later", () => {
    expect(ties(by("idris", 3, 1), by("vera", 1))).toMatchObject([{ from: 0, to: 1 }]);
  });

  test("not to an earlier turn, to oneself, or to what was removed", () => {
    expect(ties(by("vera", 4), by("idris", 5, 1))).toEqual([]);
    expect(ties(by("vera", 1), by("vera", 2, 1))).toEqual([]);
    expect(ties({ ...by("vera", 1), redacted: true }, by("idris", 2, 1))).toEqual([]);
    expect(ties({ ...by("vera", 1), room: "attic" }, by("idris", 2, 1))).toEqual([]); // another room's first message
  });

  test("once for two objections of one voice to another", () => {
    expect(ties(by("vera", 1), by("idris", 3, 1), by("idris", 4, 1))).toHaveLength(1);
  });

  test("in a lane of its own where it would overlap, of which there are only so many", () => {
    const found = ties(by("a", 1), by("b", 2, 1), by("c", 3, 1), by("d", 4, 1), by("e", 5, 1));
    expect(found.map((tie) => tie.lane)).toEqual([0, 1, 2, LANES_MAX - 1]);
    expect(ties(by("a", 1), by("b", 2, 1), by("c", 3), by("d", 4, 3)).map((tie) => tie.lane)).toEqual([0, 0]);
  });
});

describe("who was objected to", () => {
  const here = turn(2, 5, 9, { segments: [by("vera", 5), by("idris", 6, 5)] });

  test("is read from the turn, then from known messages, then from earlier turns", () => {
    const originals = new Originals();
    const timeline = new Timeline();
    expect(authorOf(5, here, originals, timeline.items)).toBe("vera");
    expect(authorOf(3, here, originals, timeline.items)).toBeNull();
    timeline.add([turn(1, 1, 4, { segments: [by("odile", 3)] })]);
    expect(authorOf(3, here, originals, timeline.items)).toBe("odile");
    originals.put([message(3, { from: { id: "bao", name: "Bao", kind: "agent" } })]);
    expect(authorOf(3, here, originals, timeline.items)).toBe("bao");
  });

  test("is not guessed from a segment that several share", () => {
    const shared = turn(1, 1, 4, { segments: [quote("both", [3], { speakers: ["odile", "bao"] })] });
    expect(authorOf(3, shared, new Originals(), [])).toBeNull();
  });
});
