import { describe, expect, test } from "vitest";
import { introductions, newest, STRANGERS_ASKED_MAX } from "../src/history";
import type { ClientFrame, History, Message, Turn } from "../src/protocol";
import { human, message, quote, turn } from "./frames";

function log(turns: Turn[], messages: Message[]) {
  const asked: History[] = [];
  const ask = (frame: ClientFrame) => {
    const query = frame as History;
    asked.push(query);
    const { after = 0, before = Infinity, limit = 50 } = query;
    const among = messages.filter(({ seq }) => seq > after && seq < before);
    const items =
      query.stream === "turns" ? turns : query.after === undefined ? among.slice(-limit) : among.slice(0, limit);
    return Promise.resolve({ type: "page", room: "ledger", stream: query.stream, items, more: false } as const);
  };
  return { ask, asked };
}

const kinds = (shown: readonly (Message | Turn)[]) =>
  shown.map((each) => (each.type === "turn" ? `t${each.turn}` : `m${each.seq}`));

describe("the newest", () => {
  test("looks for people's words only where there are some, and after the last turn", async () => {
    const speech = turn(2, 11, 20, { covers: { epoch: "e1", from: 11, to: 20, messages: 9, words: 9 } });
    const { ask, asked } = log([turn(1, 1, 10), speech], [message(12), human(15), human(21), message(22)]);
    const past = await newest(ask, "ledger", false, 22, 0);
    expect(kinds(past.shown)).toEqual(["t1", "t2", "m21", "m15"]);
    expect(past.known.map(({ seq }) => seq)).toEqual([21, 22, 12, 15]);
    expect(asked.map(({ stream, after }) => [stream, after])).toEqual([
      ["turns", undefined],
      ["raw", 20],
      ["raw", 10],
    ]);
  });

  test("an answer covers nothing: what people said since the last range is still looked for", async () => {
    const answer = turn(2, 1, 1, { mode: "answer", covers: null });
    const { ask } = log([turn(1, 1, 10), answer], [human(12)]);
    expect(kinds((await newest(ask, "ledger", false, 12, 0)).shown)).toEqual(["t1", "t2", "m12"]);
    const { ask: asked } = log([turn(1, 1, 1, { mode: "answer", covers: null })], [human(3), human(5)]);
    expect(kinds((await newest(asked, "ledger", false, 5, 4)).shown)).toEqual(["t1", "m5"]);
  });

  test("asks for messages alone in raw", async () => {
    const { ask, asked } = log([turn(1, 1, 10)], [message(1), human(2)]);
    expect(kinds((await newest(ask, "ledger", true, 2, 0)).shown)).toEqual(["m1", "m2"]);
    expect(asked.map(({ stream }) => stream)).toEqual(["raw"]);
  });

  test("keeps what was said before the first visit folded where AIs speak, but at hand", async () => {
    const { ask } = log([], [message(1), human(2), human(3)]);
    const past = await newest(ask, "ledger", false, 3, 2);
    expect([kinds(past.shown), past.known.length]).toEqual([["m3"], 3]);
  });
});

describe("strangers", () => {
  const cite = (id: string, seq: number) => quote("x", [seq], { speakers: [id] });

  test("are asked for one by one, never by seqs, and only if unknown", async () => {
    const { ask, asked } = log([], [message(4), message(7)]);
    const turns = [turn(1, 1, 10, { segments: [cite("old", 4), cite("vera", 7)] })];
    const found = await introductions(ask, "ledger", turns, (id) => id === "vera");
    expect(found.map(({ seq }) => seq)).toEqual([4]);
    expect(asked).toEqual([{ type: "history", room: "ledger", stream: "raw", before: 5, limit: 1 }]);
  });

  test("are bounded in number", async () => {
    const { ask, asked } = log([], [message(1)]);
    const segments = Array.from({ length: 40 }, (_, index) => cite(`old-${index}`, index + 1));
    await introductions(ask, "ledger", [turn(1, 1, 40, { segments })], () => false);
    expect(asked).toHaveLength(STRANGERS_ASKED_MAX);
  });
});
