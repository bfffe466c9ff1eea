import { timeOf, type Item, type MessageItem, type Span, type TurnItem } from "./timeline";

export type Row =
  | { readonly kind: "message"; readonly key: string; readonly item: MessageItem; readonly continued: boolean }
  | { readonly kind: "turn"; readonly key: string; readonly item: TurnItem }
  | { readonly kind: "gap"; readonly key: string; readonly span: Span; readonly count: number }
  | { readonly kind: "day"; readonly key: string; readonly at: string }
  | { readonly kind: "fresh"; readonly key: string };

export interface RowsInput {
  readonly items: readonly Item[];
  /** Which of `items` are wanted: [start, end). */
  readonly start: number;
  readonly end: number;
  /** The key of the first item that came while nobody looked. */
  readonly freshKey: string | null;
  /** Everything before this seq was said before the items begin, and can be asked for; null while more is loading. */
  readonly beginsAt: number | null;
}

const SPEECH_GAP_S_MAX = 300;

/** What stands in the list: the items of a window with day marks, the mark of what is new, and the ranges nobody showed. */
export function rowsOf({ items, start, end, freshKey, beginsAt }: RowsInput): Row[] {
  const rows: Row[] = [];
  const head = start === 0 && beginsAt !== null ? gapRow({ from: 1, to: beginsAt - 1 }, items, 0, end) : null;
  if (head) rows.push(head);
  let last = start > 0 ? items[start - 1] : undefined;
  let lastTurn = items.findLastIndex((item, index) => index < start && covering(item));
  for (let index = start; index < end; index += 1) {
    const item = items[index] as Item;
    if (!last || dayOf(last) !== dayOf(item)) rows.push({ kind: "day", key: `d${item.key}`, at: timeOf(item) });
    if (covering(item)) {
      const gap = gapBefore(items, lastTurn, index);
      if (gap) rows.push(gap);
      lastTurn = index;
    }
    if (item.key === freshKey) rows.push({ kind: "fresh", key: "fresh" });
    rows.push(item.kind === "turn" ? { kind: "turn", key: item.key, item } : messageRow(item, last));
    last = item;
  }
  return rows;
}

/** Seqs between two turns that were neither covered nor shown: said while this reader was away, or raw in another tab. */
function gapBefore(items: readonly Item[], before: number, index: number): Row | null {
  const earlier = items[before];
  const later = items[index];
  if (earlier?.kind !== "turn" || later?.kind !== "turn" || !earlier.turn.covers || !later.turn.covers) return null;
  return gapRow({ from: earlier.turn.covers.to + 1, to: later.turn.covers.from - 1 }, items, before, index);
}

function gapRow(span: Span, items: readonly Item[], start: number, end: number): Row | null {
  let count = span.to - span.from + 1;
  for (let index = start; index < end && count > 0; index += 1) {
    const item = items[index];
    if (item?.kind === "message" && item.place >= span.from && item.place <= span.to) count -= 1;
  }
  return count > 0 ? { kind: "gap", key: `g${span.from}-${span.to}`, span, count } : null;
}

function messageRow(item: MessageItem, last: Item | undefined): Row {
  const continued =
    last?.kind === "message" &&
    last.message.from.id === item.message.from.id &&
    dayOf(last) === dayOf(item) &&
    Date.parse(item.message.at) - Date.parse(last.message.at) < SPEECH_GAP_S_MAX * 1000;
  return { kind: "message", key: item.key, item, continued };
}

function covering(item: Item): boolean {
  return item.kind === "turn" && item.turn.covers !== null && item.turn.covers.to >= item.turn.covers.from;
}

function dayOf(item: Item): string {
  return new Date(timeOf(item)).toDateString();
}
