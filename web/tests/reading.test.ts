import { expect, test } from "vitest";
import { DWELL_S_MAX, Reading } from "../src/reading";

test("a turn is reported when a newer one takes its place, with the time it stood there", () => {
  const reading = new Reading();
  expect(reading.handle({ on: "seen", turn: 1 }, 10)).toEqual([]);
  expect(reading.handle({ on: "seen", turn: 2 }, 14.26)).toEqual([{ turn: 1, dwell_s: 4.3 }]);
});

test("a turn is reported once, however often it comes back into sight", () => {
  const reading = new Reading();
  reading.handle({ on: "seen", turn: 1 }, 0);
  expect(reading.handle({ on: "gone", turn: 1 }, 5)).toEqual([{ turn: 1, dwell_s: 5 }]);
  reading.handle({ on: "seen", turn: 1 }, 6);
  expect(reading.handle({ on: "gone", turn: 1 }, 12)).toEqual([]);
  expect(reading.deadline()).toBeNull();
});

test("a glance is not reading", () => {
  const reading = new Reading();
  reading.handle({ on: "seen", turn: 1 }, 0);
  expect(reading.handle({ on: "gone", turn: 1 }, 0.9)).toEqual([]);
});

test("scrolling by older turns reports nothing", () => {
  const reading = new Reading();
  reading.handle({ on: "seen", turn: 9 }, 0);
  reading.handle({ on: "gone", turn: 9 }, 5);
  reading.handle({ on: "seen", turn: 3 }, 6);
  expect(reading.handle({ on: "gone", turn: 3 }, 16)).toEqual([]);
});

test("a hidden tab ends the reading, and time in it is not counted", () => {
  const reading = new Reading();
  reading.handle({ on: "seen", turn: 1 }, 0);
  expect(reading.handle({ on: "hidden" }, 3)).toEqual([{ turn: 1 }]);
  expect(reading.handle({ on: "seen", turn: 2 }, 50)).toEqual([]);
  expect(reading.handle({ on: "shown" }, 100)).toEqual([{ turn: 2 }]);
  expect(reading.handle({ on: "gone", turn: 2 }, 102)).toEqual([]);
  expect(reading.handle({ on: "seen", turn: 3 }, 110)).toEqual([]);
  expect(reading.handle({ on: "gone", turn: 3 }, 114)).toEqual([{ turn: 3, dwell_s: 4 }]);
});

test("the last turn of a quiet room is reported at the deadline, once", () => {
  const reading = new Reading();
  reading.handle({ on: "seen", turn: 1 }, 7);
  expect(reading.deadline()).toBe(7 + DWELL_S_MAX);
  expect(reading.handle({ on: "due" }, 20)).toEqual([]);
  expect(reading.handle({ on: "due" }, 7 + DWELL_S_MAX)).toEqual([{ turn: 1 }]);
  expect(reading.deadline()).toBeNull();
  expect(reading.handle({ on: "seen", turn: 1 }, 60)).toEqual([]);
});
