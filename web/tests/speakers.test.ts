import { expect, test } from "vitest";
import { HUES, Speakers, wheel } from "../src/speakers";

const cast = ["vera", "idris", "odile", "juno", "maren", "sefton", "bao", "pell"].map((id) => ({
  id,
  name: id,
  kind: "agent" as const,
}));

test("a cast has colours of its own, the same in whatever order it is met", () => {
  const one = new Speakers();
  const other = new Speakers();
  one.meet(cast);
  other.meet([...cast].reverse());
  const hues = cast.map(({ id }) => one.hue(id));
  expect(new Set(hues).size).toBe(cast.length);
  expect(cast.map(({ id }) => other.hue(id))).toEqual(hues);
});

test("a shipped persona has one colour in all rooms, whoever else speaks there", () => {
  const rooms = [
    cast.map(({ id }) => id),
    ["ines", "tamsin", "odile", "dov", "rook", "wen", "idris"],
    ["juno", "sefton", "bao", "hob", "amara", "vera", "mirza"],
  ];
  for (const ids of rooms) {
    const speakers = new Speakers();
    speakers.meet([{ id: "host", name: "Host", kind: "human" }]);
    speakers.meet(ids.map((id) => ({ id, name: id, kind: "agent" as const })));
    for (const id of ids) expect(speakers.hue(id)).toBe(new Speakers().hue(id));
  }
});

test("a person's colour does not depend on who else is here", () => {
  const crowded = new Speakers();
  crowded.meet([...cast, { id: "ann-1", name: "Ann", kind: "human" }]);
  const alone = new Speakers();
  alone.meet([{ id: "ann-1", name: "Ann", kind: "human" }]);
  expect(crowded.hue("ann-1")).toBe(alone.hue("ann-1"));
});

test("more speakers than colours still get one each", () => {
  const speakers = new Speakers();
  for (let index = 0; index < 50; index += 1) {
    expect(speakers.hue(`agent-${index}`)).toBeLessThan(HUES);
  }
});

test("someone who left before we came is called by their id, made readable", () => {
  const speakers = new Speakers();
  expect(speakers.name("guest-1234_a")).toBe("Guest 1234 A");
  expect(speakers.name("-")).toBe("-");
  speakers.meet([{ id: "guest-1234_a", name: "Ann" }]);
  expect(speakers.name("guest-1234_a")).toBe("Ann");
});

test("a person stays one when they are spoken of later, and an unknown speaker is taken for an AI", () => {
  const speakers = new Speakers();
  speakers.meet([{ id: "ann-1", name: "Ann", kind: "human" }]);
  expect(speakers.who("ann-1")).toEqual({ id: "ann-1", name: "Ann", kind: "human", hue: speakers.hue("ann-1") });
  expect(speakers.who("bo")).toMatchObject({ name: "Bo", kind: "agent" });
});

test("the slots stand evenly around the wheel", () => {
  const angles = [...Array(HUES).keys()].map(wheel);
  expect(new Set(angles.map((angle, index) => angle - (angles[index - 1] ?? angle - 30)))).toEqual(new Set([30]));
});
