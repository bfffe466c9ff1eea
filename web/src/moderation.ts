import type { Ban, Kick, Member, Mute } from "./protocol";

export type Sanction = "mute" | "kick" | "ban";
export const SANCTIONS: readonly Sanction[] = ["mute", "kick", "ban"];

/** A mute or a ban that this page set and can end again. */
export interface Held {
  readonly what: Sanction;
  readonly id: string;
  readonly name: string;
}

export function frameOf(what: Sanction, room: string, participant: string, for_s?: number): Mute | Kick | Ban {
  return { type: what, room, participant, ...(for_s === undefined ? {} : { for_s }) };
}

/** What this page can end after `what` was done to `member`; a kick is over when it has happened. Pure. */
export function holding(held: readonly Held[], what: Sanction, { id, name }: Member): readonly Held[] {
  return what === "kick" ? held : [...ended(held, { what, id, name }), { what, id, name }];
}

export function ended(held: readonly Held[], gone: Held): readonly Held[] {
  return held.filter((each) => each.what !== gone.what || each.id !== gone.id);
}
