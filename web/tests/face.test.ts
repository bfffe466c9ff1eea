import { describe, expect, test } from "vitest";
import { faceOf } from "../src/face";
import { hash } from "../src/hash";

const cast = ["vera", "idris", "odile", "juno", "maren", "sefton", "bao", "pell"];

describe("a face", () => {
  test("is the same for the same id, whoever asks", () => {
    expect(faceOf("vera", "agent")).toEqual(faceOf("vera", "agent"));
    expect(hash("vera")).toBe(2_764_495_675);
  });

  test("tells the shipped cast apart without its colours", () => {
    expect(new Set(cast.map((id) => JSON.stringify(faceOf(id, "agent")))).size).toBe(cast.length);
  });

  test("of a person has a head, and of an AI has none", () => {
    for (const id of cast) {
      expect(faceOf(id, "human").head).not.toBe("");
      expect(faceOf(id, "agent").head).toBe("");
    }
  });

  test("differs between most of a crowd, in every feature", () => {
    const crowd = [...Array(400).keys()].map((number) => faceOf(`guest-${number}`, "agent"));
    const people = [...Array(400).keys()].map((number) => faceOf(`guest-${number}`, "human"));
    expect(new Set(crowd.map((face) => face.ground)).size).toBe(8);
    expect(new Set(crowd.map((face) => JSON.stringify(face))).size).toBeGreaterThan(180);
    expect(new Set(people.map((face) => face.ink)).size).toBe(6);
    expect(new Set(people.map((face) => JSON.stringify(face))).size).toBe(6 * 3 * 3);
  });

  test("is drawn with path letters and numbers only, whatever the id holds", () => {
    for (const id of ["", "<script>", '"/><img>', "ä\u0000"]) {
      const { ground, head, ink, lines } = faceOf(id, "human");
      for (const path of [ground, head, ink, lines]) expect(path).toMatch(/^[MmHhVvLlQqTtCcSsAaZz0-9 .-]*$/);
    }
  });
});
