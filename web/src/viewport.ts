/** Keeps what a reader looks at where it is while rows come and go above it. */
export class Anchor {
  #row: Element | null = null;
  #top = 0;

  /** Before the page changes: remember the first row in sight. */
  take(viewport: HTMLElement): void {
    const edge = viewport.getBoundingClientRect().top;
    const rows = viewport.querySelectorAll(":scope .row");
    this.#row = [...rows].find((row) => row.getBoundingClientRect().bottom > edge) ?? null;
    this.#top = this.#row?.getBoundingClientRect().top ?? 0;
  }

  /** After: put it back. */
  restore(viewport: HTMLElement): void {
    if (!this.#row?.isConnected) return;
    viewport.scrollTop += this.#row.getBoundingClientRect().top - this.#top;
    this.#row = null;
  }
}

/** What had the focus, and how far from the top of the view it stood: where to go back to. */
export class Bookmark {
  readonly #element: HTMLElement | null;
  readonly #top: number;

  constructor(viewport: HTMLElement) {
    const active = document.activeElement;
    this.#element = active instanceof HTMLElement && viewport.contains(active) ? active : null;
    this.#top = this.#distance(viewport);
  }

  restore(viewport: HTMLElement): void {
    if (!this.#element?.isConnected) return viewport.focus({ preventScroll: true });
    viewport.scrollTop += this.#distance(viewport) - this.#top;
    this.#element.focus({ preventScroll: true });
  }

  #distance(viewport: HTMLElement): number {
    return (this.#element?.getBoundingClientRect().top ?? 0) - viewport.getBoundingClientRect().top;
  }
}

/** Brings the last element before `from` that shows message `seq` into sight and gives it the focus; false if none does. */
export function pointAt(viewport: HTMLElement, seq: number, from: Node): boolean {
  const own = from instanceof Element ? from.closest("[data-cites]") : null;
  const row = from instanceof Element ? from.closest(".row") : null;
  const shown = [...viewport.querySelectorAll<HTMLElement>(`[data-cites~="${seq}"]`)].filter((each) => each !== own);
  const earlier = (each: HTMLElement) =>
    row?.contains(each) || each.compareDocumentPosition(from) === Node.DOCUMENT_POSITION_FOLLOWING;
  const target = shown.findLast(earlier) ?? shown[0];
  target?.scrollIntoView({ block: "nearest" });
  target?.focus({ preventScroll: true });
  return target !== undefined;
}

/** Tells which turns are before the reader's eyes: half of one, or one that fills half the view. */
export function watchTurns(root: HTMLElement, seen: (turn: number, visible: boolean) => void) {
  const turns = new WeakMap<Element, number>();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, intersectionRatio, intersectionRect, rootBounds } of entries) {
        const turn = turns.get(target);
        const fills = rootBounds !== null && intersectionRect.height >= rootBounds.height / 2;
        if (turn !== undefined) seen(turn, intersectionRatio >= 0.5 || fills);
      }
    },
    { root, threshold: [0, 0.25, 0.5, 0.75] },
  );
  return {
    /** An attachment for the element that shows this turn. */
    turn: (turn: number) => (element: Element) => {
      turns.set(element, turn);
      observer.observe(element);
      return () => {
        observer.unobserve(element);
        seen(turn, false);
      };
    },
    stop: () => observer.disconnect(),
  };
}
