// @vitest-environment happy-dom
import { flushSync, mount, unmount, type Component } from "svelte";
import { afterEach, describe, expect, test, vi } from "vitest";
import { idFor, linkFor, Office, type Access } from "../src/access";
import AccessPanel from "../src/components/AccessPanel.svelte";
import NewRoom from "../src/components/NewRoom.svelte";

const bea = { user: "bea", name: "Bea", role: "guest", why: "invited", here: false, can_come: true } as const;
const vera = { user: "vera", name: "Vera", role: "member", why: "persona", here: true, can_come: true } as const;
let mounted: Record<string, unknown> | null = null;

afterEach(() => {
  if (mounted) void unmount(mounted);
  mounted = null;
  document.body.replaceChildren();
});

/** A server of three answers; what it was asked is kept. */
function server(access: Partial<Access> = {}, refusal = "") {
  const asked: [string, string, unknown][] = [];
  let readers = [bea, vera] as Access["readers"];
  const answer = (url: URL, init: RequestInit) => {
    const body: unknown = init.body ? JSON.parse(init.body as string) : null;
    asked.push([init.method ?? "", url.pathname, body]);
    if (refusal && init.method !== "GET") {
      return Promise.resolve(Response.json({ error: { code: "conflict", message: refusal } }, { status: 409 }));
    }
    if (init.method === "DELETE") {
      readers = [vera];
      return Promise.resolve(new Response(null, { status: 204 }));
    }
    if (url.pathname.endsWith("/invitations")) {
      return Promise.resolve(Response.json({ user: "kim", name: "Kim", token: "t0ken&#" }, { status: 201 }));
    }
    return Promise.resolve(Response.json({ title: "The nook", public: false, made_here: true, readers, ...access }));
  };
  return { asked, office: new Office("http://here.test/base/", () => "a session", answer) };
}

function render<P extends Record<string, unknown>>(component: Component<P>, props: P) {
  mounted = mount(component, { target: document.body, props });
  flushSync();
}

function press(label: string) {
  const found = [...document.querySelectorAll("button")].find(
    (each) => (each.getAttribute("aria-label") ?? each.textContent?.trim()) === label,
  );
  expect(found, label).toBeDefined();
  found?.click();
  flushSync();
}

function type(input: HTMLInputElement | null, text: string) {
  if (!input) throw new Error("expected an input");
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  flushSync();
}

const text = () => document.body.textContent ?? "";

describe("who may read", () => {
  test("is listed with the reason, and what is not a host's to change is not offered", async () => {
    render(AccessPanel, { office: server().office, room: "nook", onclose() {} });
    await vi.waitFor(() => expect(text()).toContain("Who may read The nook"));
    expect(text()).toContain("Hosts, and these:");
    expect(text()).toMatch(/Bea\s+invited/);
    expect(text()).toMatch(/Vera\s+AI persona, here now/);
    const labels = [...document.querySelectorAll("button")].map((each) => each.getAttribute("aria-label"));
    expect(labels.filter(Boolean)).toEqual(["End it: the invitation of Bea"]);
  });

  test("of a room with a file is told, and changed there", async () => {
    render(AccessPanel, { office: server({ public: true, made_here: false }).office, room: "lab", onclose() {} });
    await vi.waitFor(() => expect(text()).toContain("Everybody whom the server lets in."));
    expect(text()).toContain("rooms/lab.toml");
    expect(document.querySelector("input[type=checkbox]")).toBeNull();
  });

  test("grows by an invitation, whose link is shown once and lets into this room", async () => {
    const { asked, office } = server();
    render(AccessPanel, { office, room: "nook", onclose() {} });
    await vi.waitFor(() => expect(text()).toContain("Bea"));
    type(document.querySelector("form input"), " Kim ");
    press("Invite");
    await vi.waitFor(() => expect(text()).toContain("Kim is invited."));
    expect(asked[1]).toEqual(["POST", "/base/api/rooms/nook/invitations", { name: "Kim" }]);
    const link = document.querySelector<HTMLInputElement>("input[readonly]")?.value ?? "";
    expect(new URLSearchParams(new URL(link).hash.slice(1)).get("ticket")).toBe("t0ken&#");
  });

  test("shrinks when an invitation is ended, and the focus does not fall out of the panel", async () => {
    const { asked, office } = server();
    render(AccessPanel, { office, room: "nook", onclose() {} });
    await vi.waitFor(() => expect(text()).toContain("Bea"));
    press("End it: the invitation of Bea");
    await vi.waitFor(() => expect(text()).toContain("Bea is invited no longer."));
    expect(asked[1]).toEqual(["DELETE", "/base/api/rooms/nook/invitations/bea", null]);
    expect(document.activeElement?.id).toBe("access");
  });

  test("is changed from private to public by one box", async () => {
    const { asked, office } = server();
    render(AccessPanel, { office, room: "nook", onclose() {} });
    await vi.waitFor(() => expect(document.querySelector("input[type=checkbox]")).not.toBeNull());
    document.querySelector<HTMLInputElement>("input[type=checkbox]")?.click();
    await vi.waitFor(() => expect(text()).toContain("may read it now"));
    expect(asked[1]).toEqual(["PATCH", "/base/api/rooms/nook", { public: true }]);
  });

  test("refuses in the server's own words", async () => {
    render(AccessPanel, { office: server({}, "the name `Kim` is taken").office, room: "nook", onclose() {} });
    await vi.waitFor(() => expect(text()).toContain("Bea"));
    type(document.querySelector("form input"), "Kim");
    press("Invite");
    await vi.waitFor(() => expect(text()).toContain("That did not work: the name `Kim` is taken"));
  });
});

describe("a new room", () => {
  test("is made with an id of its own, private if the box is set", async () => {
    const { asked, office } = server();
    const made = vi.fn();
    render(NewRoom, { office, taken: ["the-nook"], onmade: made, onclose() {} });
    expect(document.activeElement?.tagName).toBe("INPUT");
    type(document.querySelector("input.field"), "The Nook");
    document.querySelector<HTMLInputElement>("input[type=checkbox]")?.click();
    press("Make the room");
    await vi.waitFor(() => expect(made).toHaveBeenCalledWith("the-nook-2"));
    expect(asked).toEqual([["POST", "/base/api/rooms", { room: "the-nook-2", title: "The Nook", public: false }]]);
  });

  test("that is refused stays to be corrected", async () => {
    const made = vi.fn();
    render(NewRoom, { office: server({}, "there is one").office, taken: [], onmade: made, onclose() {} });
    type(document.querySelector("input.field"), "Nook");
    press("Make the room");
    await vi.waitFor(() => expect(text()).toContain("That did not work: there is one"));
    expect(made).not.toHaveBeenCalled();
  });
});

test.each([
  ["The Nook!", [], "the-nook"],
  ["Über Käse", [], "uber-kase"],
  ["部屋", [], "room"],
  ["  ", ["room", "room-2"], "room-3"],
  ["x".repeat(100), [], "x".repeat(56)],
])("the title %s becomes an id", (title, taken, id) => {
  expect(idFor(title, taken)).toBe(id);
  expect(idFor(title, taken)).toMatch(/^[a-z0-9_-]{1,64}$/);
});

test("a link leads to this page, without what its address held", () => {
  expect(linkFor("http://here.test/base/?x=1#ticket=old", "nook", "a/b")).toBe(
    "http://here.test/base/#room=nook&ticket=a%2Fb",
  );
});
