import type { Member, Presence } from "./protocol";

/** Who is in the room after a `presence` frame, people before personas, each by name. Pure. */
export function present(members: readonly Member[], frame: Presence): readonly Member[] {
  if (frame.members) return sorted(frame.members);
  const gone = new Set([...(frame.left ?? []), ...(frame.joined ?? []).map((member) => member.id)]);
  return sorted([...members.filter((member) => !gone.has(member.id)), ...(frame.joined ?? [])]);
}

export function sorted(members: readonly Member[]): readonly Member[] {
  return [...members].sort((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1));
}

export interface Mention {
  /** Where the `@` stands. */
  readonly start: number;
  readonly typed: string;
}

const MENTION_LENGTH_MAX = 40;

/** The `@name` that is being typed at `caret`, if any. */
export function mentionAt(text: string, caret: number): Mention | null {
  const start = caret > 0 ? text.lastIndexOf("@", caret - 1) : -1;
  if (start < 0 || caret - start > MENTION_LENGTH_MAX) return null;
  const typed = text.slice(start + 1, caret);
  const inWord = /[\p{L}\p{N}]/u.test(text[start - 1] ?? "");
  return inWord || /\n|\s{2}/.test(typed) ? null : { start, typed };
}

export const SUGGESTIONS_MAX = 6;

/** Members whose name or id begins with what was typed. */
export function suggestions(members: readonly Member[], typed: string): readonly Member[] {
  const wanted = typed.toLowerCase();
  const fits = ({ name, id }: Member) => name.toLowerCase().startsWith(wanted) || id.startsWith(wanted);
  return members.filter(fits).slice(0, SUGGESTIONS_MAX);
}

/** The text with the mention completed, and where the caret then stands. */
export function complete(text: string, caret: number, mention: Mention, name: string): { text: string; caret: number } {
  const before = `${text.slice(0, mention.start)}@${name} `;
  return { text: before + text.slice(caret).replace(/^ /, ""), caret: before.length };
}
