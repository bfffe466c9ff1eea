// @vitest-environment happy-dom
import { flushSync, mount, unmount } from "svelte";
import { afterEach, describe, expect, test, vi } from "vitest";
import Moderation from "../src/components/Moderation.svelte";
import { ended, frameOf, holding } from "../src/moderation";
import type { ClientFrame, Member, ServerFrame } from "../src/protocol";
import { Refused } from "../src/requests";
import { Room } from "../src/room.svelte";
import { welcome } from "./frames";

const eve: Member = { id: "eve-1", name: "Eve", kind: "human", role: "guest" };
let mounted: Record<string, unknown> | null = null;

afterEach(() => {
  if (mounted) void unmount(mounted);
  mounted = null;
  document.body.replaceChildren();
});

function render(answer: () => Promise<ServerFrame> = () => Promise.resolve({ type: "ok" })) {
  const asked: ClientFrame[] = [];
  const ask = (frame: ClientFrame) => {
    asked.push(frame);
    return answer();
  };
  const room = new Room("ledger", welcome().you, null, {
    ask,
    send() {},
    soon() {},
    keep() {},
    announce() {},
    titleOf: (id) => id,
    visit() {},
  });
  mounted = mount(Moderation, { target: document.body, props: { room, member: eve } });
  const press = (label: string, last = false) => {
    const found = [...document.querySelectorAll("button")].filter((each) => each.textContent?.trim() === label);
    found[last ? found.length - 1 : 0]?.click();
    flushSync();
  };
  return { room, asked, press };
}

describe("a host", () => {
  test("is asked before anything happens, and may leave it", () => {
    const { asked, press } = render();
    press("Ban");
    expect(document.body.textContent).toContain("Ban Eve? They leave at once");
    press("Leave it");
    expect(asked).toEqual([]);
    expect(document.body.textContent).not.toContain("Ban Eve?");
  });

  test("mutes for ten minutes unless another time is chosen, and can end it", async () => {
    const { room, asked, press } = render();
    press("Mute");
    press("Mute", true);
    expect(asked).toEqual([{ type: "mute", room: "ledger", participant: "eve-1", for_s: 600 }]);
    await vi.waitFor(() => expect(document.body.textContent).toContain("Eve is muted."));
    expect(room.held).toEqual([{ what: "mute", id: "eve-1", name: "Eve" }]);
    await room.release({ what: "mute", id: "eve-1", name: "Eve" });
    expect(asked.at(-1)).toEqual({ type: "mute", room: "ledger", participant: "eve-1", for_s: 0 });
    expect(room.held).toEqual([]);
  });

  test("asks somebody to leave without a time", () => {
    const { asked, press } = render();
    press("Ask to leave");
    press("Ask to leave", true);
    expect(asked).toEqual([{ type: "kick", room: "ledger", participant: "eve-1" }]);
  });

  test("reads why the server refused", async () => {
    const refusal = new Refused({ type: "error", code: "not_found", message: "Eve has left" });
    const { room, press } = render(() => Promise.reject(refusal));
    press("Ban");
    press("Ban", true);
    await vi.waitFor(() => expect(document.body.textContent).toContain("Not done: Eve has left"));
    expect(room.held).toEqual([]);
  });
});

test("what this page can end is listed once", () => {
  const once = holding([], "ban", eve);
  expect(holding(once, "ban", eve)).toEqual(once);
  expect(holding(once, "kick", eve)).toBe(once);
  expect(ended(once, { what: "mute", id: "eve-1", name: "Eve" })).toEqual(once);
  expect(frameOf("ban", "ledger", "eve-1")).toEqual({ type: "ban", room: "ledger", participant: "eve-1" });
});
