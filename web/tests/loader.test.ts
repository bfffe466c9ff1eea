import { describe, expect, test } from "vitest";
import { messagesIn, messagesAt, SPEECH_PAGES_MAX, speechSpans, turnsBefore } from "../src/loader";
import type { ClientFrame, History, Message } from "../src/protocol";
import { human, message, turn } from "./frames";

/** A log that answers `history` with what lies in it, `page` messages at a time. */
function log(messages: Message[], page = 200) {
  const asked: History[] = [];
  const ask = (frame: ClientFrame) => {
    const query = frame as History;
    asked.push(query);
    const limit = Math.min(page, query.limit ?? 50);
    const found = messages.filter(({ seq }) => query.seqs?.includes(seq) ?? seq > (query.after ?? -1));
    const items = found.slice(0, limit);
    return Promise.resolve({ type: "page", room: "ledger", stream: "raw", items, more: found.length > limit } as const);
  };
  return { asked, ask };
}

function covered(from: number, to: number, agents: number) {
  return turn(from, from, to, { covers: { epoch: "e1", from, to, messages: agents, words: 1 } });
}

describe("where people spoke", () => {
  test("is where a range holds more than the messages of AIs", () => {
    expect(speechSpans([covered(1, 10, 10), covered(11, 20, 8), covered(21, 30, 10)])).toEqual([{ from: 11, to: 20 }]);
  });

  test("neighbouring ranges are one, and the newest come first", () => {
    const turns = [
      covered(1, 10, 9),
      covered(11, 20, 9),
      covered(21, 30, 10),
      covered(31, 40, 0),
      turn(9, 41, 40, { covers: null }),
    ];
    expect(speechSpans(turns)).toEqual([
      { from: 31, to: 40 },
      { from: 1, to: 20 },
    ]);
  });
});

describe("messages of spans", () => {
  const all = Array.from({ length: 1_000 }, (_, index) => message(index + 1));

  test("are read page by page and end where the span does", async () => {
    const { ask, asked } = log(all, 100);
    const found = await messagesIn(ask, "ledger", [{ from: 11, to: 260 }]);
    expect(found.map(({ seq }) => seq)).toEqual(all.slice(10, 260).map(({ seq }) => seq));
    expect(asked.map(({ after }) => after)).toEqual([10, 110, 210]);
  });

  test("are bounded in pages", async () => {
    const { ask, asked } = log(all, 10);
    await messagesIn(ask, "ledger", [{ from: 1, to: 1_000 }]);
    expect(asked).toHaveLength(SPEECH_PAGES_MAX);
  });

  test("a log that ends early ends the reading", async () => {
    const { ask, asked } = log([human(1)], 10);
    expect(await messagesIn(ask, "ledger", [{ from: 1, to: 5 }])).toHaveLength(1);
    expect(asked).toHaveLength(2);
  });

  test("by seq, no more are asked for than the protocol allows", async () => {
    const { ask, asked } = log(all);
    await messagesAt(
      ask,
      "ledger",
      Array.from({ length: 300 }, (_, index) => index + 1),
    );
    expect(asked[0]?.seqs).toHaveLength(200);
  });
});

test("turns are asked for from the end, then from the oldest that is here", async () => {
  const { ask, asked } = log([]);
  await turnsBefore(ask, "ledger", null);
  await turnsBefore(ask, "ledger", 31);
  expect(asked.map(({ before }) => before)).toEqual([undefined, 31]);
});

test("an answer that is no page is an error, not an empty page", async () => {
  await expect(turnsBefore(() => Promise.resolve({ type: "pong" }), "ledger", null)).rejects.toThrow("expected a page");
});
