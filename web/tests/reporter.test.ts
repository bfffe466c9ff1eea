// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DWELL_S_MAX } from "../src/reading";
import { Reporter } from "../src/reporter";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("the last turn of a quiet room is reported when its time is up", () => {
  const report = vi.fn();
  const reporter = new Reporter(report);
  reporter.feed({ on: "seen", turn: 4 });
  vi.advanceTimersByTime(DWELL_S_MAX * 1000 - 1);
  expect(report).not.toHaveBeenCalled();
  vi.advanceTimersByTime(2);
  expect(report).toHaveBeenCalledExactlyOnceWith({ turn: 4 });
  reporter.stop();
});

test("one that was stopped reports nothing more", () => {
  const report = vi.fn();
  const reporter = new Reporter(report);
  reporter.feed({ on: "seen", turn: 4 });
  reporter.stop();
  vi.advanceTimersByTime(DWELL_S_MAX * 2000);
  expect(report).not.toHaveBeenCalled();
});
