import { describe, expect, test } from "vitest";
import {
  atEnd,
  changed,
  downwards,
  emptyWindow,
  FOLLOW_WITHIN_PX,
  ROWS_SHOWN_MAX,
  scrolled,
  upwards,
} from "../src/window";

describe("following", () => {
  test("shows all of a short list and slides when it grows too long", () => {
    expect(changed(emptyWindow, 100)).toEqual({ start: 0, end: 100, following: true });
    expect(changed({ start: 0, end: 160, following: true }, 161)).toEqual({ start: 61, end: 161, following: true });
  });

  test("never shows more than its bound, through five thousand messages", () => {
    let window = emptyWindow;
    for (let total = 1; total <= 5_000; total += 1) {
      window = changed(window, total);
      expect(window.end).toBe(total);
      expect(window.end - window.start).toBeLessThanOrEqual(ROWS_SHOWN_MAX);
    }
  });

  test("holds within 64 px of the bottom and only at the newest", () => {
    const window = { start: 0, end: 50, following: true };
    expect(scrolled(window, FOLLOW_WITHIN_PX, 50).following).toBe(true);
    expect(scrolled(window, FOLLOW_WITHIN_PX + 1, 50).following).toBe(false);
    expect(scrolled({ ...window, following: false }, 0, 51).following).toBe(false);
    expect(scrolled({ ...window, following: false }, 0, 50).following).toBe(true);
  });
});

describe("reading back", () => {
  test("new items do not move the window", () => {
    const window = { start: 40, end: 90, following: false };
    expect(changed(window, 200)).toMatchObject({ start: 40, end: 100 });
  });

  test("items put before or taken from the front move it along", () => {
    const window = { start: 40, end: 140, following: false };
    expect(changed(window, 230, 30, 0)).toEqual({ start: 70, end: 170, following: false });
    expect(changed(window, 180, 0, 20)).toEqual({ start: 20, end: 120, following: false });
    expect(changed(window, 10, 0, 190).end).toBeLessThanOrEqual(10);
  });

  test("upwards opens more above and closes below; at the top there is none", () => {
    expect(upwards({ start: 100, end: 260, following: false })).toEqual({ start: 40, end: 200, following: false });
    expect(upwards({ start: 0, end: 160, following: false })).toBeNull();
  });

  test("downwards comes back to the newest", () => {
    expect(downwards({ start: 0, end: 160, following: false }, 200)).toEqual({ start: 40, end: 200, following: false });
    expect(downwards({ start: 40, end: 200, following: false }, 200)).toBeNull();
  });

  test("the way to the end is one step", () => {
    expect(atEnd({ start: 0, end: 60, following: false }, 5_000)).toEqual({
      start: 4_900,
      end: 5_000,
      following: true,
    });
  });
});
