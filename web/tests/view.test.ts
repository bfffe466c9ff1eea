import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { debounce } from "../src/debounce";
import type { ClientFrame, ServerFrame, ViewReply, ViewRequest } from "../src/protocol";
import { Cut, Refused } from "../src/requests";
import { VIEW_DELAY_MS, ViewEditor } from "../src/view.svelte";
import { joined } from "./frames";

const base = joined().view;
if (!base) throw new Error("expected a view");

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function reply(fields: Partial<ViewReply> = {}): ViewReply {
  return {
    type: "view",
    room: "ledger",
    participant: "ann",
    view: base as ViewReply["view"],
    locked: [],
    set_by: "ann",
    ...fields,
  };
}

/** A server that answers as told and keeps what it was sent. */
function server(answer: (frame: ViewRequest) => ServerFrame | Error) {
  const sent: ViewRequest[] = [];
  const ask = (frame: ClientFrame) => {
    sent.push(frame as ViewRequest);
    const result = answer(frame as ViewRequest);
    return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
  };
  const editor = new ViewEditor(ask, "ledger");
  editor.take(base);
  return { sent, editor };
}

const obedient = (frame: ViewRequest) => reply({ view: { ...(base as ViewReply["view"]), ...pick(frame) } });

function pick({ cadence_s, mode, focus }: ViewRequest) {
  return { ...(cadence_s ? { cadence_s } : {}), ...(mode ? { mode } : {}), ...(focus ? { focus } : {}) };
}

describe("debounce", () => {
  test("acts once, after the last call", () => {
    const act = vi.fn();
    const debounced = debounce(act, 100);
    debounced();
    vi.advanceTimersByTime(99);
    debounced();
    vi.advanceTimersByTime(99);
    expect(act).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(act).toHaveBeenCalledTimes(1);
  });

  test("flush acts at once and only if something waits; cancel never acts", () => {
    const act = vi.fn();
    const debounced = debounce(act, 100);
    debounced.flush();
    debounced();
    debounced.flush();
    debounced();
    debounced.cancel();
    vi.advanceTimersByTime(200);
    expect(act).toHaveBeenCalledTimes(1);
  });
});

describe("the slider", () => {
  test("shows each step at once and sends the last one, once", async () => {
    const { sent, editor } = server(obedient);
    for (const cadence_s of [6, 7, 8, 9]) {
      editor.edit({ cadence_s });
      await vi.advanceTimersByTimeAsync(VIEW_DELAY_MS / 5);
    }
    expect(editor.shown?.cadence_s).toBe(9);
    expect(sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(VIEW_DELAY_MS);
    expect(sent).toEqual([{ type: "view", room: "ledger", cadence_s: 9 }]);
    expect(editor.shown?.cadence_s).toBe(9);
  });

  test("does not jump back when an older answer comes while it is dragged on", async () => {
    const { editor } = server(obedient);
    editor.edit({ cadence_s: 10 });
    await vi.advanceTimersByTimeAsync(VIEW_DELAY_MS);
    editor.edit({ cadence_s: 20 });
    editor.take({ ...(base as ViewReply["view"]), cadence_s: 10 }, reply());
    expect(editor.shown?.cadence_s).toBe(20);
  });

  test("the toggle is sent at once, with what was still waiting", async () => {
    const { sent, editor } = server(obedient);
    editor.edit({ cadence_s: 12 });
    editor.set({ mode: "raw" });
    expect(sent).toEqual([{ type: "view", room: "ledger", cadence_s: 12, mode: "raw" }]);
    await vi.advanceTimersByTimeAsync(VIEW_DELAY_MS);
    expect(sent).toHaveLength(1);
  });
});

describe("a server that says no", () => {
  test("a locked field goes back, stays locked and says why", async () => {
    const frame = {
      type: "error",
      code: "forbidden",
      message: "`cadence_s` was locked by a host",
      field: "cadence_s",
    } as const;
    const { editor } = server(() => new Refused(frame));
    editor.set({ cadence_s: 20 });
    await vi.runAllTimersAsync();
    expect(editor.shown?.cadence_s).toBe(5);
    expect(editor.locked).toEqual(["cadence_s"]);
    expect(editor.refusal).toContain("locked by a host");
  });

  test("a cut keeps the change and sends it when the room is joined again", async () => {
    let up = false;
    const { sent, editor } = server((frame) => (up ? obedient(frame) : new Cut("lost")));
    editor.set({ cadence_s: 20 });
    await vi.runAllTimersAsync();
    expect(editor.shown?.cadence_s).toBe(20);
    up = true;
    editor.resume();
    await vi.runAllTimersAsync();
    expect(sent.at(-1)).toEqual({ type: "view", room: "ledger", cadence_s: 20 });
    editor.resume();
    await vi.runAllTimersAsync();
    expect(sent).toHaveLength(2);
  });
});

test("following adds to the focus and leaves the rest of it", async () => {
  const { sent, editor } = server(obedient);
  editor.take({ ...(base as ViewReply["view"]), focus: { room: "ledger", follow: ["bao"] } });
  editor.follow("vera", true);
  await vi.runAllTimersAsync();
  expect(sent[0]?.focus).toEqual({ room: "ledger", follow: ["bao", "vera"] });
  expect(editor.follows("vera")).toBe(true);
  editor.follow("bao", false);
  expect(sent[1]?.focus).toEqual({ room: "ledger", follow: ["vera"] });
});

test("a host's editor names the reader it is for", async () => {
  const sent: ClientFrame[] = [];
  const editor = new ViewEditor(
    (frame) => {
      sent.push(frame);
      return Promise.resolve(reply({ participant: "bea", locked: ["mode"], set_by: "host" }));
    },
    "ledger",
    "bea",
  );
  await editor.refresh();
  await editor.lock(["mode"]);
  expect(sent).toEqual([
    { type: "view", room: "ledger", participant: "bea" },
    { type: "view", room: "ledger", participant: "bea", lock: ["mode"] },
  ]);
  expect(editor.locked).toEqual(["mode"]);
  expect(editor.shown?.mode).toBe("paraphrase");
});
