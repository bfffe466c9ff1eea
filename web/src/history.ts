import { messagesBefore, messagesIn, SPEECH_A_PAGE, speechSpans, turnsBefore, type Ask } from "./loader";
import type { Message, Turn } from "./protocol";
import { atHome } from "./segments";
import type { Span } from "./timeline";

export const STRANGERS_ASKED_MAX = 12;

/** A stretch of the past, as it was shown to this reader. */
export interface Past {
  /** Turns and what people said between them; in raw, messages. */
  readonly shown: readonly (Message | Turn)[];
  /** Messages that came along and may be unfolded without asking again. */
  readonly known: readonly Message[];
  /** There is nothing before it to ask for. */
  readonly complete: boolean;
}

/** The end of the conversation. `since` is the last seq before this reader's first visit. */
export async function newest(ask: Ask, room: string, raw: boolean, head: number, since: number): Promise<Past> {
  if (raw) return rawBefore(ask, room, head + 1);
  const { items, more } = await turnsBefore(ask, room, null);
  if (!items.length) return beforeAnyTurn(ask, room, head, since);
  const covered = items.findLast((turn) => turn.covers)?.covers?.to ?? since; // an answer covers nothing
  const tail = { from: covered + 1, to: head };
  return withSpeech(ask, room, items, !more, tail);
}

/** What was before the oldest turn that is here. */
export async function turnsAbove(ask: Ask, room: string, oldest: number | null): Promise<Past> {
  const { items, more } = await turnsBefore(ask, room, oldest);
  return withSpeech(ask, room, items, !more);
}

export async function rawBefore(ask: Ask, room: string, before: number): Promise<Past> {
  const { items, more } = await messagesBefore(ask, room, before);
  return { shown: items, known: items, complete: !more };
}

/** Messages that tell the names of speakers who left before we came. */
export async function introductions(
  ask: Ask,
  room: string,
  turns: readonly Turn[],
  knows: (id: string) => boolean,
): Promise<Message[]> {
  const sources = new Map<string, number>();
  for (const { speakers, sources: cited } of turns.flatMap(atHome)) {
    const [id, seq] = [speakers[0], cited[0]];
    if (speakers.length === 1 && id && seq && !knows(id) && sources.size < STRANGERS_ASKED_MAX) sources.set(id, seq);
  }
  const found: Message[] = [];
  // One by one and not by `seqs`, which the server would take for interest in these speakers.
  for (const seq of sources.values()) found.push(...(await messagesBefore(ask, room, seq + 1, 1)).items);
  return found;
}

/** What was said before the first visit stays folded, unless no AI speaks here at all: then it was never Alex's to carry. */
async function beforeAnyTurn(ask: Ask, room: string, head: number, since: number): Promise<Past> {
  const { items } = await messagesBefore(ask, room, head + 1, SPEECH_A_PAGE);
  const people = items.filter((message) => message.from.kind === "human");
  const shown = people.length === items.length ? people : people.filter((message) => message.seq > since);
  return { shown, known: items, complete: true };
}

async function withSpeech(
  ask: Ask,
  room: string,
  turns: readonly Turn[],
  complete: boolean,
  tail?: Span,
): Promise<Past> {
  const spans = speechSpans(turns);
  if (tail && tail.from <= tail.to)
    spans.unshift({ from: Math.max(tail.from, tail.to - SPEECH_A_PAGE + 1), to: tail.to });
  const known = await messagesIn(ask, room, spans);
  return { shown: [...turns, ...known.filter((message) => message.from.kind === "human")], known, complete };
}
