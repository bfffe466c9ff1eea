import type { Originals } from "./originals";
import type { Turn } from "./protocol";
import { atHome, type Group } from "./segments";
import type { Item } from "./timeline";

export const LANES_MAX = 3;

/** A line between two voices of one turn: the one that objects and the one objected to, as rows counted from 0. */
export interface Tie {
  readonly key: string;
  readonly from: number;
  readonly to: number;
  /** Which of the parallel lines it is, so that two that overlap do not run into each other. */
  readonly lane: number;
}

/** The lines to draw in a turn: an objection whose target is shown by another voice of the same turn. Pure. */
export function tiesOf(groups: readonly Group[]): Tie[] {
  const ties: Tie[] = [];
  groups.forEach((group, from) => {
    for (const { objects_to: target, room } of group.segments) {
      const to = target ? groups.findIndex((other, index) => index !== from && cites(other, target, room)) : -1;
      const key = `${from}-${to}`;
      if (to < 0 || ties.some((tie) => tie.key === key)) continue;
      const taken = new Set(ties.filter((tie) => overlap(tie, from, to)).map((tie) => tie.lane));
      const lane = [...Array(LANES_MAX).keys()].find((each) => !taken.has(each)) ?? LANES_MAX - 1;
      ties.push({ key, from, to, lane });
    }
  });
  return ties;
}

/** Who said a message, as far as this page knows: from the turn itself, a message it holds, or an earlier turn. */
export function authorOf(seq: number, turn: Turn, originals: Originals, items: readonly Item[]): string | null {
  const here = speakerIn(turn, seq) ?? originals.get(seq)?.from.id;
  if (here) return here;
  for (let index = items.length - 1; index >= 0; index -= 1) {
    const item = items[index];
    const found = item?.kind === "turn" ? speakerIn(item.turn, seq) : null;
    if (found) return found;
  }
  return null;
}

function speakerIn(turn: Turn, seq: number): string | null {
  const segment = atHome(turn).find((each) => each.speakers.length === 1 && each.sources.includes(seq));
  return segment?.speakers[0] ?? null;
}

function cites(group: Group, seq: number, room: string | undefined): boolean {
  return group.segments.some((each) => each.room === room && !each.redacted && each.sources.includes(seq));
}

function overlap(tie: Tie, from: number, to: number): boolean {
  return Math.min(tie.from, tie.to) < Math.max(from, to) && Math.min(from, to) < Math.max(tie.from, tie.to);
}
