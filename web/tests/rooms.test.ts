import { afterEach, expect, test, vi } from "vitest";
import { chooseRoom, listRooms } from "../src/rooms";

const ledger = { room: "ledger", title: "The ledger", members: 8 };
const commons = { room: "commons", title: "The commons", members: 0 };

function serverSays(body: unknown, status = 200) {
  const fetched = vi.fn(() => Promise.resolve(new Response(JSON.stringify(body), { status })));
  vi.stubGlobal("fetch", fetched);
  return fetched;
}

afterEach(() => void vi.unstubAllGlobals());

test("the list is asked for beside the page, as whoever one is", async () => {
  const fetched = serverSays([ledger, { ...commons, head: 3 }]);
  expect(await listRooms("http://a.b/chat/", "s1")).toEqual([ledger, commons]);
  const [url, options] = fetched.mock.calls[0] as unknown as [URL, RequestInit];
  expect(url.href).toBe("http://a.b/chat/api/rooms");
  expect(options.headers).toEqual({ Authorization: "Bearer s1" });
});

test("a refusal is told in the server's words", async () => {
  serverSays({ error: { code: "unauthorized", message: "ask the host" } }, 401);
  await expect(listRooms("http://a.b/", "")).rejects.toThrow("ask the host");
  serverSays("<html>", 502);
  await expect(listRooms("http://a.b/", "")).rejects.toThrow("502");
});

test("what is no list of rooms is refused, what is no room is left out", async () => {
  serverSays({ rooms: [] });
  await expect(listRooms("http://a.b/", "")).rejects.toThrow("expected a list");
  serverSays([null, 3, { room: 1 }, ledger]);
  expect(await listRooms("http://a.b/", "")).toEqual([ledger]);
});

test("the wanted room is opened, else the liveliest, else whatever was wanted", () => {
  expect(chooseRoom([commons, ledger], "commons")).toBe("commons");
  expect(chooseRoom([commons, ledger], "gone")).toBe("ledger");
  expect(chooseRoom([], "hidden")).toBe("hidden");
});
