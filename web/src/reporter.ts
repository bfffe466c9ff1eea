import { Reading, type ReadingEvent, type ReadReport } from "./reading";

/** The shell around `Reading`: the page's clock, one timer, the tab's visibility. */
export class Reporter {
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #reading = new Reading();
  readonly #report: (report: ReadReport) => void;
  readonly #tab = () => this.feed({ on: document.hidden ? "hidden" : "shown" });

  constructor(report: (report: ReadReport) => void) {
    this.#report = report;
    document.addEventListener("visibilitychange", this.#tab);
    this.#tab();
  }

  feed(event: ReadingEvent): void {
    const now = performance.now() / 1000;
    for (const report of this.#reading.handle(event, now)) this.#report(report);
    clearTimeout(this.#timer);
    const deadline = this.#reading.deadline();
    if (deadline === null) return;
    this.#timer = setTimeout(() => this.feed({ on: "due" }), Math.max(0, (deadline - now) * 1000));
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.#tab);
    clearTimeout(this.#timer);
  }
}
