import { describe, expect, test } from "vitest";
import { fillOf, lookOf, moodWords, toneOf } from "../src/crystal";
import type { Alex, AlexState } from "../src/protocol";

function alex(state: AlexState, fields: Partial<Alex> = {}): Alex {
  return { type: "alex", room: "ledger", state, behind: { messages: 0, words: 0, seconds: 0 }, ...fields };
}

describe("the look", () => {
  test.each(["idle", "passthrough", "paraphrasing", "rate_limiting", "catching_up"] as const)("follows %s", (state) => {
    expect(lookOf(alex(state), false, true)).toBe(state);
  });

  test("is idle before the first word from the server, and says when Alex is away", () => {
    expect(lookOf(null, false, true)).toBe("idle");
    expect(lookOf(alex("paraphrasing"), true, true)).toBe("raw");
    expect(lookOf(alex("paraphrasing"), true, false)).toBe("offline");
  });
});

describe("how full it stands", () => {
  const filled = (seconds: number, messages = 1) => fillOf({ messages, words: 10, seconds });

  test("is nothing while nothing waits, and more the further behind, without ever running over", () => {
    expect(fillOf(undefined)).toBe(0);
    expect(filled(30, 0)).toBe(0);
    const levels = [0, 1, 5, 20, 60, 300, 1e9].map((seconds) => filled(seconds));
    expect(levels).toEqual([...levels].sort((a, b) => a - b));
    expect(levels[0]).toBeGreaterThan(0);
    expect(filled(20)).toBeCloseTo(0.63, 1);
    expect(levels.at(-1)).toBeLessThanOrEqual(1);
  });
});

describe("the mood", () => {
  test("that is not told changes nothing", () => {
    expect(toneOf(undefined)).toEqual({ tempo_s: 4, lean: 0, spark: false });
    expect(moodWords(undefined)).toEqual([]);
  });

  test("quickens with energy, leans with warmth, sparks with insight, and is said in words", () => {
    const lively = { energy: 1, warmth: 1, insight: true };
    const calm = { energy: 0, warmth: -1, insight: false };
    expect(toneOf(lively)).toEqual({ tempo_s: 2, lean: -80, spark: true });
    expect(toneOf(calm)).toEqual({ tempo_s: 6, lean: 70, spark: false });
    expect(moodWords(lively)).toEqual(["lively", "warm", "insight"]);
    expect(moodWords(calm)).toEqual(["quiet", "cool"]);
    expect(moodWords({ energy: 0.5, warmth: 0, insight: false })).toEqual([]);
  });

  test("out of its range is taken for the end of it", () => {
    expect(toneOf({ energy: 9, warmth: Number.NaN, insight: false })).toEqual({ tempo_s: 2, lean: 70, spark: false });
  });
});
