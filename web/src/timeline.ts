import type { Message, Segment, Turn } from "./protocol";
import { isElsewhere } from "./segments";

export const ITEMS_KEPT_MAX = 10_000;

export interface MessageItem {
  readonly kind: "message";
  readonly key: string;
  readonly place: number;
  readonly message: Message;
}

export interface TurnItem {
  readonly kind: "turn";
  readonly key: string;
  readonly place: number;
  readonly turn: Turn;
}

export type Item = MessageItem | TurnItem;

export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * What a reader was shown, in the order of the room's log: messages stand at their seq, a turn at the end of what it
 * covers, an answer (which covers nothing) after what was there when it came. Nothing stands twice, in whatever order
 * live frames, replays and history arrive. Pure.
 */
export class Timeline {
  #items: Item[] = [];
  #keys = new Set<string>();

  get items(): readonly Item[] {
    return this.#items;
  }

  get length(): number {
    return this.#items.length;
  }

  has(frame: Message | Turn): boolean {
    return this.#keys.has(keyOf(frame));
  }

  /** Take in frames; returns those that were new. */
  add(frames: readonly (Message | Turn)[]): Item[] {
    const fresh: Item[] = [];
    for (const frame of frames) {
      const key = keyOf(frame);
      if (this.#keys.has(key)) continue;
      this.#keys.add(key);
      const item: Item =
        frame.type === "message"
          ? { kind: "message", key, place: frame.seq, message: frame }
          : { kind: "turn", key, place: this.#placeOf(frame), turn: frame };
      this.#insert(item);
      fresh.push(item);
    }
    return fresh;
  }

  /**
   * A message is gone: it keeps its place, and every segment that cites it keeps only who and where. `room` is given for a
   * message of another room, of which something may have been overheard here.
   */
  redact(seq: number, room?: string): void {
    this.#items = this.#items.map((item) => {
      if (item.kind === "message")
        return item.message.seq === seq && !room ? { ...item, message: erased(item.message) } : item;
      const segments = item.turn.segments.map((segment) =>
        isElsewhere(item.turn, segment) === (room !== undefined) && (!room || segment.room === room)
          ? without(segment, seq)
          : segment,
      );
      const same = segments.every((segment, index) => segment === item.turn.segments[index]);
      return same ? item : { ...item, turn: { ...item.turn, segments } };
    });
  }

  /** Forget the oldest items beyond `most`; returns how many went. */
  trim(most: number = ITEMS_KEPT_MAX): number {
    const gone = this.#items.splice(0, Math.max(0, this.#items.length - most));
    for (const item of gone) this.#keys.delete(item.key);
    return gone.length;
  }

  /** The lowest turn here, if any: what `history` pages back from. */
  oldestTurn(): number | null {
    const turns = this.#items.flatMap((item) => (item.kind === "turn" ? [item.turn.turn] : []));
    return turns.length ? turns.reduce((low, turn) => Math.min(low, turn)) : null;
  }

  /** The first seq that anything here accounts for, or null when nothing does. */
  floor(): number | null {
    let floor: number | null = null;
    for (const item of this.#items) {
      const low = item.kind === "message" ? item.message.seq : item.turn.covers ? item.turn.covers.from : null;
      if (low !== null && (floor === null || low < floor)) floor = low;
    }
    return floor;
  }

  #placeOf(turn: Turn): number {
    if (turn.covers) return turn.covers.to;
    const before = this.#items.findLast((item) => timeOf(item) <= turn.at);
    return before?.place ?? (this.floor() ?? 1) - 1;
  }

  #insert(item: Item): void {
    let index = this.#items.length;
    while (index > 0 && compare(item, this.#items[index - 1] as Item) < 0) index -= 1;
    this.#items.splice(index, 0, item);
  }
}

export function keyOf(frame: Message | Turn): string {
  return frame.type === "message" ? `m${frame.seq}` : `t${frame.turn}`;
}

export function timeOf(item: Item): string {
  return item.kind === "message" ? item.message.at : item.turn.at;
}

/** At the same place a message comes first: the look that made the turn had already seen it. */
function compare(a: Item, b: Item): number {
  if (a.place !== b.place) return a.place - b.place;
  if (a.kind === "turn" && b.kind === "turn") return a.turn.turn - b.turn.turn;
  return a.kind === b.kind ? 0 : a.kind === "message" ? -1 : 1;
}

export function erased(message: Message): Message {
  const { parts: _parts, mentions: _mentions, ...rest } = message;
  return { ...rest, text: "", redacted: true };
}

function without(segment: Segment, seq: number): Segment {
  if (segment.redacted || !segment.sources.includes(seq)) return segment;
  const { kind, speakers, sources, weight, room } = segment;
  return { kind, speakers, sources, weight, ...(room ? { room } : {}), text: "", redacted: true };
}
