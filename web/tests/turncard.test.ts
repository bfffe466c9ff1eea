// @vitest-environment happy-dom
import { flushSync, mount, unmount } from "svelte";
import { afterEach, describe, expect, test, vi } from "vitest";
import TurnCard from "../src/components/TurnCard.svelte";
import type { Segment } from "../src/protocol";
import { Room } from "../src/room.svelte";
import { pointAt } from "../src/viewport";
import { quote, turn, welcome } from "./frames";

let mounted: Record<string, unknown> | null = null;

afterEach(() => {
  if (mounted) void unmount(mounted);
  document.body.replaceChildren();
});

function render(...segments: Segment[]) {
  const visit = vi.fn();
  const silent = { ask: () => new Promise<never>(() => {}), send() {}, soon() {}, keep() {}, announce() {} };
  const link = { ...silent, titleOf: (id: string) => `The ${id}`, visit };
  const room = new Room("ledger", welcome().you, null, link);
  room.speakers.meet([{ id: "vera", name: "Vera", kind: "agent" }]);
  const acts = { ontoggle: vi.fn(), onfold: vi.fn(), onfolded: vi.fn(), onobjection: vi.fn() };
  const shown = turn(1, 1, 9, { segments });
  mounted = mount(TurnCard, {
    target: document.body,
    props: { room, turn: shown, unfolded: false, marked: null, ...acts },
  });
  flushSync();
  return { page: document.body, visit, ...acts };
}

const idris = { speakers: ["idris"] };

describe("a quote", () => {
  test("shows balanced marks as what they mean and others as they were typed", () => {
    const { page } = render(quote("it is **not** so … and *never\nwas … `x` **half", [1]));
    expect(page.querySelector("strong")?.textContent).toBe("not");
    expect(page.querySelector("code")?.textContent).toBe("x");
    expect(page.querySelector(".text")?.textContent?.replace(/\s+/g, " ").trim()).toBe(
      "it is not so … and *never was … x **half",
    );
  });

  test("never becomes HTML", () => {
    const { page } = render(quote("<img src=x onerror=alert(1)> [y](javascript:alert(1))", [1]));
    expect(page.querySelectorAll("img, a")).toHaveLength(0);
  });
});

describe("an aside", () => {
  test("from another room names it and leads there; its numbers, which count there, are not shown", () => {
    const { page, visit } = render(quote("so", [41], { kind: "ambient", room: "attic", speakers: ["hob"] }));
    const place = page.querySelector<HTMLButtonElement>("button.place");
    expect(place?.textContent?.trim()).toBe("overheard in The attic");
    place?.click();
    expect(visit).toHaveBeenCalledExactlyOnceWith("attic");
    expect(page.querySelector(".sources button")).toBeNull();
    expect(page.querySelector("[data-cites]")?.getAttribute("data-cites")).toBe("");
  });

  test("of another pod says so and keeps its numbers", () => {
    const { page } = render(quote("so", [4], { kind: "ambient" }));
    expect(page.querySelector(".note")?.textContent).toBe("overheard");
    expect(page.querySelector(".sources button")?.textContent?.trim()).toBe("4");
  });

  test("whispered is Alex's own, whoever it is about", () => {
    const { page } = render(quote("In The attic, Hob spoke of rain.", [41], { kind: "whisper", room: "attic" }));
    expect(page.querySelector(".names")?.textContent?.trim()).toBe("Alex");
    expect(page.querySelector(".place")?.textContent?.trim()).toBe("Go to The attic");
  });
});

describe("counts", () => {
  test("of agreement and of repeats stand below what was said", () => {
    const { page } = render(quote("so", [1], { agree: 3, again: 2 }));
    expect(page.querySelector(".counts")?.textContent).toMatch(/\+3 agree.*\+2 again/s);
  });

  test("of nothing are not shown", () => {
    expect(render(quote("so", [1])).page.querySelector(".counts")).toBeNull();
  });
});

describe("an objection", () => {
  test("names whom it objects to, leads there, and is tied to them", () => {
    const { page, onobjection } = render(quote("yes", [1]), quote("no", [3], { ...idris, objects_to: 1 }));
    const link = page.querySelector<HTMLButtonElement>(".objection");
    expect(link?.textContent?.trim()).toBe("objects to Vera");
    link?.click();
    expect(onobjection).toHaveBeenCalledWith(1);
    expect(page.querySelectorAll(".tie")).toHaveLength(1);
  });

  test("to a message nobody here has seen is told by its number, and is not tied", () => {
    const { page } = render(quote("no", [3], { ...idris, objects_to: 1 }));
    expect(page.querySelector(".objection")?.textContent?.trim()).toBe("objects to message 1");
    expect(page.querySelectorAll(".tie")).toHaveLength(0);
  });

  test("that was removed objects to nobody any more", () => {
    const { page } = render(quote("", [3], { ...idris, objects_to: 1, redacted: true }));
    expect(page.querySelector(".objection")).toBeNull();
    expect(page.textContent).toContain("removed by its author or a host");
  });

  test("leads to the segment that shows its target", () => {
    const { page } = render(quote("yes", [1]), quote("no", [3], { ...idris, objects_to: 1 }));
    const from = page.querySelector(".objection") as Element;
    expect(pointAt(page, 1, from)).toBe(true);
    expect(document.activeElement?.textContent).toContain("yes");
    expect(pointAt(page, 7, from)).toBe(false);
  });
});

test("what several said together shows all their faces", () => {
  const { page } = render(quote("in short", [1, 2], { kind: "catch_up", speakers: ["vera", "idris"] }));
  expect(page.querySelectorAll(".faces svg")).toHaveLength(2);
  expect(page.querySelector(".names")?.textContent?.replace(/\s+/g, " ")).toContain("Vera, Idris");
  expect(page.textContent).toContain("too much to carry whole");
});
