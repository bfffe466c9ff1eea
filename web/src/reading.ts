export const DWELL_S_MIN = 1;
export const DWELL_S_MAX = 30;

export interface ReadReport {
  readonly turn: number;
  /** Absent where the time says nothing about how fast somebody reads. */
  readonly dwell_s?: number;
}

export type ReadingEvent = { on: "seen" | "gone"; turn: number } | { on: "shown" | "hidden" } | { on: "due" };

/**
 * How long the newest turn was before the reader's eyes. A turn is reported once: when a newer one takes its place, when
 * it leaves the screen, when the tab is hidden, or after `DWELL_S_MAX`. A tab that was hidden and a reader who does not
 * move say nothing of their pace: such turns are reported without a time. Older turns scrolled by are not reading at
 * this pace and are not reported. Pure: `now` is in seconds.
 */
export class Reading {
  #visible = new Set<number>();
  #current: number | null = null;
  #since = 0;
  #reported = 0;
  #shown = true;

  handle(event: ReadingEvent, now: number): ReadReport[] {
    if (event.on === "due") return this.#timeless(this.#close(now, DWELL_S_MAX));
    if (event.on === "seen") this.#visible.add(event.turn);
    if (event.on === "gone") this.#visible.delete(event.turn);
    if (event.on === "shown") this.#shown = true;
    if (event.on === "hidden") {
      this.#shown = false;
      return this.#timeless(this.#look(now));
    }
    if (event.on === "shown") return this.#returned();
    return this.#look(now);
  }

  /** When `due` must be fed, or null. */
  deadline(): number | null {
    return this.#current === null ? null : this.#since + DWELL_S_MAX;
  }

  #look(now: number): ReadReport[] {
    const newest = this.#shown ? Math.max(0, ...this.#visible) : 0;
    const next = newest > this.#reported ? newest : null;
    if (next === this.#current) return [];
    const reports = this.#close(now, DWELL_S_MIN);
    this.#current = next;
    this.#since = now;
    return reports;
  }

  /** Back from elsewhere: what came meanwhile is before the reader's eyes, nobody knows for how long. */
  #returned(): ReadReport[] {
    const newest = Math.max(0, ...this.#visible);
    if (newest <= this.#reported || this.#current !== null) return [];
    this.#reported = newest;
    return [{ turn: newest }];
  }

  #timeless(reports: ReadReport[]): ReadReport[] {
    return reports.map(({ turn }) => ({ turn }));
  }

  #close(now: number, least_s: number): ReadReport[] {
    const turn = this.#current;
    const dwell_s = Math.round((now - this.#since) * 10) / 10;
    if (turn === null || dwell_s < least_s) return [];
    this.#current = null;
    this.#reported = turn;
    return [{ turn, dwell_s }];
  }
}
