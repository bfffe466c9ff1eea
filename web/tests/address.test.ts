import { expect, test } from "vitest";
import { readAddress, socketUrl, writeAddress } from "../src/address";

test("a ticket and a room are read from behind the #", () => {
  expect(readAddress("#ticket=a-b_c&room=the%20room")).toEqual({ ticket: "a-b_c", room: "the room" });
  expect(readAddress("")).toEqual({ ticket: "", room: "" });
});

test("the address that is kept names the room and no ticket", () => {
  expect(readAddress(writeAddress("a&b"))).toEqual({ ticket: "", room: "a&b" });
  expect(writeAddress("")).toBe("");
});

test.each([
  ["http://127.0.0.1:8765/#ticket=x", "ws://127.0.0.1:8765/ws"],
  ["https://example.org/chat/?a=1", "wss://example.org/chat/ws"],
])("%s talks to %s", (page, expected) => {
  expect(socketUrl(page)).toBe(expected);
});
