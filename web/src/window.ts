/** Which items of a long list are in the page. Pure: each function gives the next window. */
export interface ListWindow {
  readonly start: number;
  readonly end: number;
  /** The reader is at the bottom and goes along with what comes. */
  readonly following: boolean;
}

export const ROWS_SHOWN_MAX = 160;
export const ROWS_STEP = 60;
export const FOLLOW_WITHIN_PX = 64;

export const emptyWindow: ListWindow = { start: 0, end: 0, following: true };

/** After the list changed: `prepended` items came before the first, `trimmed` went from the front. */
export function changed(window: ListWindow, total: number, prepended = 0, trimmed = 0): ListWindow {
  if (window.following) return atEnd(window, total);
  const shift = prepended - trimmed;
  const start = clamp(window.start + shift, 0, total);
  const end = clamp(Math.max(window.end + shift, start + Math.min(ROWS_STEP, total)), start, total);
  return { start, end, following: false };
}

/** To the newest: the window slides only when it has grown too long, so that following costs little. */
export function atEnd(window: ListWindow, total: number): ListWindow {
  const start = clamp(window.start, 0, total);
  const tooLong = total - start > ROWS_SHOWN_MAX;
  return { start: tooLong ? Math.max(0, total - ROWS_SHOWN_MAX + ROWS_STEP) : start, end: total, following: true };
}

/** The reader nears the top of the window. Null: there is nothing more above, ask for history. */
export function upwards(window: ListWindow): ListWindow | null {
  if (window.start === 0) return null;
  const start = Math.max(0, window.start - ROWS_STEP);
  return { start, end: Math.min(window.end, start + ROWS_SHOWN_MAX), following: false };
}

/** The reader nears the bottom of a window that does not reach the newest. Null: it does. */
export function downwards(window: ListWindow, total: number): ListWindow | null {
  if (window.end >= total) return null;
  const end = Math.min(total, window.end + ROWS_STEP);
  return { start: Math.max(window.start, end - ROWS_SHOWN_MAX), end, following: false };
}

/** Where the reader now stands: `below_px` is what lies under the visible part. */
export function scrolled(window: ListWindow, below_px: number, total: number): ListWindow {
  const following = below_px <= FOLLOW_WITHIN_PX && window.end >= total;
  return following === window.following ? window : { ...window, following };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
