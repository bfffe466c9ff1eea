import type { ClientFrame, Message, ServerFrame, Turn } from "./protocol";
import type { Span } from "./timeline";

export const TURNS_A_PAGE = 30;
export const MESSAGES_A_PAGE = 50;
export const SPEECH_A_PAGE = 200;
export const SPEECH_PAGES_MAX = 8;

export type Ask = (frame: ClientFrame) => Promise<ServerFrame>;

export interface Loaded<T> {
  readonly items: readonly T[];
  readonly more: boolean;
}

/** The turns before `before`, or the newest. */
export async function turnsBefore(ask: Ask, room: string, before: number | null): Promise<Loaded<Turn>> {
  const below = before === null ? {} : { before };
  const frame = await ask({ type: "history", room, stream: "turns", ...below, limit: TURNS_A_PAGE });
  return loaded(frame, (item): item is Turn => item.type === "turn");
}

export async function messagesBefore(
  ask: Ask,
  room: string,
  before: number,
  limit = MESSAGES_A_PAGE,
): Promise<Loaded<Message>> {
  const frame = await ask({ type: "history", room, stream: "raw", before, limit });
  return loaded(frame, isMessage);
}

export async function messagesAfter(
  ask: Ask,
  room: string,
  after: number,
  limit = MESSAGES_A_PAGE,
): Promise<Loaded<Message>> {
  const frame = await ask({ type: "history", room, stream: "raw", after, limit });
  return loaded(frame, isMessage);
}

/** Messages by seq. The server takes this as the reader's interest in who wrote them. */
export async function messagesAt(ask: Ask, room: string, seqs: readonly number[]): Promise<readonly Message[]> {
  const frame = await ask({ type: "history", room, stream: "raw", seqs: seqs.slice(0, SPEECH_A_PAGE) });
  return loaded(frame, isMessage).items;
}

/**
 * Where people spoke among these turns: the ranges of the log that hold more messages than the AIs' that were counted.
 * Neighbouring ranges are one; newest first.
 */
export function speechSpans(turns: readonly Turn[]): Span[] {
  const spans: Span[] = [];
  for (const { covers } of turns) {
    if (!covers || covers.to - covers.from + 1 <= covers.messages) continue;
    const last = spans.at(-1);
    if (last && covers.from === last.to + 1) spans[spans.length - 1] = { from: last.from, to: covers.to };
    else spans.push({ from: covers.from, to: covers.to });
  }
  return spans.reverse();
}

/** All messages of these spans, as far as `SPEECH_PAGES_MAX` pages reach. */
export async function messagesIn(ask: Ask, room: string, spans: readonly Span[]): Promise<Message[]> {
  const found: Message[] = [];
  let pages = 0;
  for (const span of spans) {
    let after = span.from - 1;
    while (after < span.to && pages < SPEECH_PAGES_MAX) {
      pages += 1;
      const limit = Math.min(SPEECH_A_PAGE, span.to - after);
      const { items } = await messagesAfter(ask, room, after, limit);
      const last = items.at(-1);
      if (!last) break;
      found.push(...items.filter((message) => message.seq <= span.to));
      after = last.seq;
    }
  }
  return found;
}

function loaded<T extends Message | Turn>(frame: ServerFrame, wanted: (item: Message | Turn) => item is T): Loaded<T> {
  if (frame.type !== "page") throw new Error(`expected a page, got ${frame.type}`);
  return { items: frame.items.filter(wanted), more: frame.more };
}

function isMessage(item: Message | Turn): item is Message {
  return item.type === "message";
}
