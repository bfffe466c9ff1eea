import type { Message } from "./protocol";
import { erased, type Span } from "./timeline";

export const MESSAGES_CACHED_MAX = 5_000;

export type OriginalsRow =
  | { readonly kind: "message"; readonly key: string; readonly message: Message }
  | { readonly kind: "hole"; readonly key: string; readonly span: Span };

/** Messages this page has seen, by seq: what turns unfold into. Bounded; what fell out is asked for again. Pure. */
export class Originals {
  #messages = new Map<number, Message>();
  readonly #most: number;

  constructor(most: number = MESSAGES_CACHED_MAX) {
    this.#most = most;
  }

  put(messages: readonly Message[]): void {
    for (const message of messages) this.#messages.set(message.seq, message);
    for (const seq of this.#messages.keys()) {
      if (this.#messages.size <= this.#most) break;
      this.#messages.delete(seq);
    }
  }

  get(seq: number): Message | undefined {
    return this.#messages.get(seq);
  }

  redact(seq: number): void {
    const message = this.#messages.get(seq);
    if (message) this.#messages.set(seq, erased(message));
  }

  clear(): void {
    this.#messages.clear();
  }

  /** The messages of a span and of `beside` (sources that lie before it), ascending, with the holes still to be loaded. */
  listing(span: Span, beside: readonly number[] = []): OriginalsRow[] {
    const rows: OriginalsRow[] = [];
    const inside = [...this.#messages.keys()].filter((seq) => seq >= span.from && seq <= span.to);
    const outside = beside.filter((seq) => (seq < span.from || seq > span.to) && this.#messages.has(seq));
    for (const seq of ascending(outside)) this.#push(rows, seq);
    let next = span.from;
    for (const seq of ascending(inside)) {
      if (seq > next) rows.push(hole(next, seq - 1));
      this.#push(rows, seq);
      next = seq + 1;
    }
    if (next <= span.to) rows.push(hole(next, span.to));
    return rows;
  }

  /** Which of `seqs` are not here. */
  missing(seqs: readonly number[]): number[] {
    return [...new Set(seqs)].filter((seq) => !this.#messages.has(seq));
  }

  #push(rows: OriginalsRow[], seq: number): void {
    const message = this.#messages.get(seq);
    if (message) rows.push({ kind: "message", key: `o${seq}`, message });
  }
}

function ascending(seqs: readonly number[]): number[] {
  return [...new Set(seqs)].sort((a, b) => a - b);
}

function hole(from: number, to: number): OriginalsRow {
  return { kind: "hole", key: `h${from}`, span: { from, to } };
}
