import type { Item } from "./timeline";
import { atEnd, changed, downwards, emptyWindow, scrolled, upwards, type ListWindow } from "./window";

/** Where the reader stands in the list, and what came while they were not looking. */
export class ListState {
  window = $state.raw<ListWindow>(emptyWindow);
  unseen = $state(0);
  freshKey = $state<string | null>(null);

  /** Items came at the end (`fresh`), before the first, or went from the front. */
  grew(total: number, fresh: readonly Item[], prepended: number, trimmed: number): void {
    this.window = changed(this.window, total, prepended, trimmed);
    if (this.window.following || fresh.length === 0) return;
    this.unseen += fresh.length;
    this.freshKey ??= fresh[0]?.key ?? null;
  }

  scrolled(below_px: number, total: number): void {
    this.window = scrolled(this.window, below_px, total);
    if (this.window.following) this.unseen = 0;
  }

  /** To the newest. The mark of what is new stays until the next time. */
  toEnd(total: number): void {
    this.window = atEnd({ ...this.window, following: true }, total);
    this.unseen = 0;
  }

  /** The reader opened something: stay here, whatever comes. */
  hold(): void {
    this.window = { ...this.window, following: false };
    if (this.unseen === 0) this.freshKey = null;
  }

  /** False when there is nothing above to show. */
  up(): boolean {
    const next = upwards(this.window);
    if (next) this.window = next;
    return next !== null;
  }

  down(total: number): void {
    this.window = downwards(this.window, total) ?? this.window;
  }

  reset(): void {
    this.window = emptyWindow;
    this.unseen = 0;
    this.freshKey = null;
  }
}
