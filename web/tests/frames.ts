import type { Covers, Joined, Message, Part, Segment, Turn, Welcome } from "../src/protocol";

/** Frames with everything a test does not care about filled in. */
export function message(seq: number, fields: Partial<Message> = {}): Message {
  return {
    type: "message",
    room: "ledger",
    epoch: "e1",
    seq,
    id: `id${seq}`,
    from: { id: "vera", name: "Vera", kind: "agent" },
    at: at(seq),
    text: `message ${seq}`,
    ...fields,
  };
}

export function human(seq: number, fields: Partial<Message> = {}): Message {
  return message(seq, { from: { id: "ann", name: "Ann", kind: "human" }, ...fields });
}

export function turn(number: number, from: number, to: number, fields: Partial<Turn> = {}): Turn {
  const covers: Covers = { epoch: "e1", from, to, messages: to - from + 1, words: 100 };
  const segments = [quote(`turn ${number}`, [to])];
  return {
    type: "turn",
    room: "ledger",
    turn: number,
    at: at(to),
    mode: "paraphrase",
    covers,
    words: 2,
    segments,
    by: "embedded",
    ...fields,
  };
}

export function quote(text: string, sources: number[], fields: Partial<Segment> = {}): Segment {
  return { kind: "quote", speakers: ["vera"], text, sources, weight: 1, ...fields };
}

export function folded(
  index: number,
  fields: Partial<NonNullable<Segment["part"]>> = {},
): NonNullable<Segment["part"]> {
  return { seq: 7, index, kind: "code", lines: 38, sha256: "", folded: true, lang: "python", ...fields };
}

export function code(body: string): Part {
  return { kind: "code", body, lang: "python" };
}

export function welcome(fields: Partial<Welcome> = {}): Welcome {
  return {
    type: "welcome",
    you: { id: "ann", name: "Ann", kind: "human", role: "guest" },
    session: "s1",
    resumed: false,
    heartbeat_s: 20,
    limits: { frame_bytes: 65536, messages_per_s: 5, rooms: 64 },
    features: [],
    server: { name: "cadence", version: "0" },
    ...fields,
  };
}

export function joined(fields: Partial<Joined> = {}): Joined {
  return {
    type: "joined",
    room: "ledger",
    title: "The ledger",
    epoch: "e1",
    head: 0,
    recovered: true,
    members: [],
    member_count: 0,
    view: {
      mode: "paraphrase",
      cadence_s: 5,
      pace_wpm: 238,
      sigma: 1,
      focus: {},
      interests: [],
      whisper: "light",
      auto: true,
    },
    ...fields,
  };
}

export function at(seconds: number): string {
  return new Date(Date.UTC(2026, 0, 5, 12, 0, seconds)).toISOString();
}
