/** Who is writing just now, the longest first. Pure: `now` is an argument, in milliseconds. */
export interface Typist {
  readonly id: string;
  readonly until: number;
}
export type Typists = readonly Typist[];

export const TYPING_MS = 5000;
export const TYPING_EVERY_MS = 3000;
export const TYPISTS_MAX = 20;

export function typed(typists: Typists, id: string, now: number): Typists {
  const until = now + TYPING_MS;
  const still = writing(typists, now);
  if (still.some((each) => each.id === id)) return still.map((each) => (each.id === id ? { id, until } : each));
  return still.length < TYPISTS_MAX ? [...still, { id, until }] : still;
}

/** Those whose last word of it is not too old. */
export function writing(typists: Typists, now: number): Typists {
  return typists.some((each) => each.until <= now) ? typists.filter((each) => each.until > now) : typists;
}

/** They have said it, or left. */
export function stopped(typists: Typists, ids: readonly string[]): Typists {
  return typists.some((each) => ids.includes(each.id)) ? typists.filter((each) => !ids.includes(each.id)) : typists;
}
