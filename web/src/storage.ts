import type { After } from "./protocol";

/** How far this user has come in a room, and where their first visit began. */
export interface Cursor extends After {
  readonly turn: number;
  readonly since: number;
}

/** localStorage and sessionStorage as a page may find them: absent, full, forbidden, or holding nonsense. */
export class Shelf {
  readonly #storage: Storage | null;

  constructor(storage: () => Storage) {
    try {
      this.#storage = storage();
    } catch {
      this.#storage = null;
    }
  }

  read(key: string): unknown {
    try {
      const text = this.#storage?.getItem(`cadence.${key}`);
      return text == null ? null : JSON.parse(text);
    } catch {
      return null;
    }
  }

  write(key: string, value: unknown): void {
    try {
      if (value == null) this.#storage?.removeItem(`cadence.${key}`);
      else this.#storage?.setItem(`cadence.${key}`, JSON.stringify(value));
    } catch {
      // Full or forbidden: the page works on, it only forgets on reload.
    }
  }

  text(key: string): string {
    const value = this.read(key);
    return typeof value === "string" ? value : "";
  }
}

/** What is kept between visits, and what only this tab keeps. */
export const kept = new Shelf(() => localStorage);
export const tab = new Shelf(() => sessionStorage);

export function readCursor(shelf: Shelf, user: string, room: string): Cursor | null {
  const value = shelf.read(`cursor.${user}.${room}`) as Partial<Cursor> | null;
  if (!value || typeof value.epoch !== "string") return null;
  const { epoch, seq, turn, since } = value;
  return isCount(seq) && isCount(turn) && isCount(since) ? { epoch, seq, turn, since } : null;
}

export function writeCursor(shelf: Shelf, user: string, room: string, cursor: Cursor): void {
  shelf.write(`cursor.${user}.${room}`, cursor);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
